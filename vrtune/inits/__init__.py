"""Initialisations on rows. A new one is a file here and a line below."""

from vrtune.inits.base import Init
from vrtune.inits.default import DefaultInit
from vrtune.inits.metainit import MetaInitInit

INITS: dict[str, Init] = {
    "default": DefaultInit(),
    "metainit": MetaInitInit(),
}
