"""Initialisations on rows. A new one is a file here and a line below."""

from vrtune.inits.base import Init, Losses, Probe
from vrtune.inits.default import Default
from vrtune.inits.metainit import MetaInit
from vrtune.units import InitSettings

INITS = InitSettings.enrolled
