"""Uniform weights within 1 / sqrt(fan_in): the gain is searched."""

from optuna import Trial

from vrtune import Uniform

GRID = {"uniform_gain": [1.0]}
DEFAULT = {"uniform_gain": 1.0}  # LeCun et al. 1998; PyTorch's layers


def suggest(trial: Trial) -> Uniform:
    """gain in 0.1 .. 10, log scale."""
    return Uniform(gain=trial.suggest_float("uniform_gain", 0.1, 10.0, log=True))
