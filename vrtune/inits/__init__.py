"""Initialisations on rows. A new one is a file here and a line below."""

from vrtune.inits.base import Init, Losses, Probe
from vrtune.inits.default import Default
from vrtune.inits.he import He
from vrtune.inits.metainit import MetaInit
from vrtune.inits.orthogonal import Orthogonal
from vrtune.inits.sparse import Sparse
from vrtune.inits.uniform import Uniform
from vrtune.inits.xavier import Xavier
from vrtune.units import InitSettings

INITS = InitSettings.enrolled
