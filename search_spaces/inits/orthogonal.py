"""Orthogonal weights: the gain is searched."""

from optuna import Trial

from vrtune import Orthogonal

GRID = {"orthogonal_gain": [1.0]}
DEFAULT = {"orthogonal_gain": 1.0}  # Saxe et al. 2014, for linear nets


def suggest(trial: Trial) -> Orthogonal:
    """gain in 0.1 .. 10, log scale: the paper goes beyond 1 for nets of tanh."""
    return Orthogonal(gain=trial.suggest_float("orthogonal_gain", 0.1, 10.0, log=True))
