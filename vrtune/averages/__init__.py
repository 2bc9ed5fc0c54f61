"""Averages of the weights along a training. A new one is a file here and a line below."""

from vrtune.averages.base import Average
from vrtune.averages.exponential import Exponential
from vrtune.averages.last import Last
from vrtune.averages.polyak import Polyak
from vrtune.units import AverageSettings

AVERAGES = AverageSettings.enrolled
