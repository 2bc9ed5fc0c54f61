"""The architecture's own initialisation: nothing to search."""

from optuna import Trial

from vrtune import Default

GRID: dict[str, list[float]] = {}
DEFAULT: dict[str, float] = {}


def suggest(trial: Trial) -> Default:
    """No parameters."""
    return Default()
