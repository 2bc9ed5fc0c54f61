"""No penalty: nothing to search."""

from optuna import Trial

from vrtune import NoPenalty

GRID: dict[str, list[float]] = {}
DEFAULT: dict[str, float] = {}


def suggest(trial: Trial) -> NoPenalty:
    """No parameters."""
    return NoPenalty()
