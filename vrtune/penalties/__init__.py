"""Penalties on the weights. A new one is a file here and a line below."""

from vrtune.penalties.base import Penalty
from vrtune.penalties.dropout import Dropout
from vrtune.penalties.none import NoPenalty
from vrtune.penalties.norms import Norms
from vrtune.units import PenaltySettings

PENALTIES = PenaltySettings.enrolled
