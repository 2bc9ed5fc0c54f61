"""Polyak averaging: the settings searched beside a method's own under --average polyak."""

from optuna import Trial

from vrtune import Polyak

GRID = {"average_start": [0.0, 0.25, 0.5, 0.75]}
DEFAULT = {"average_start": 0.75}  # Izmailov et al. 2018: averages the last quarter of a run


def suggest(trial: Trial) -> Polyak:
    """start_share in 0 .. 0.95."""
    return Polyak(start_share=trial.suggest_float("average_start", 0.0, 0.95))
