"""Initialisations on rows. A new one is a file here and a line below."""

from vrtune.config import InitSettings
from vrtune.inits.base import Init, Losses, Probe
from vrtune.inits.default import Default
from vrtune.inits.metainit import MetaInit

INITS = InitSettings.enrolled
