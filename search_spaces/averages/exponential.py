"""Exponential averaging: what is searched under --average exponential."""

from optuna import Trial

from vrtune import Exponential

GRID = {"average_rate": [1e-3, 1e-2, 1e-1]}
DEFAULT = {"average_rate": 0.001}  # Tarvainen & Valpola 2017: a decay of 0.999


def suggest(trial: Trial) -> Exponential:
    """1 - decay in 1e-4 .. 0.5, log scale: a mean over about 2 .. 10,000 steps."""
    return Exponential(decay=1 - trial.suggest_float("average_rate", 1e-4, 0.5, log=True))
