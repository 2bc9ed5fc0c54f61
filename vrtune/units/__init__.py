"""Units, the parts of a method, and their roles. They enrol themselves: none is known here."""

from vrtune.units.roles import (
    AverageSettings,
    EstimatorSettings,
    InitSettings,
    OptimizerSettings,
    PenaltySettings,
    ScheduleSettings,
)
from vrtune.units.unit import Unit, enrolments

__all__ = [
    "AverageSettings",
    "EstimatorSettings",
    "InitSettings",
    "OptimizerSettings",
    "PenaltySettings",
    "ScheduleSettings",
    "Unit",
    "enrolments",
]
