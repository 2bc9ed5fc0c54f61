"""What lanes minimise, and what they are judged by. A new one is a function and a line here."""

from vrtune.objectives.losses import FOR_NUMBERS, LOSSES
from vrtune.objectives.metrics import METRICS, Metric
