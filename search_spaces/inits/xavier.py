"""Xavier's initialisation: gain and distribution are searched."""

from typing import Any

from optuna import Trial

from vrtune import Xavier

GRID = {"xavier_gain": [1.0], "xavier_distribution": ["uniform"]}
DEFAULT = {"xavier_gain": 1.0, "xavier_distribution": "uniform"}  # Glorot & Bengio 2010


def suggest(trial: Trial) -> Xavier:
    """gain in 0.1 .. 10, log scale; uniform or normal."""
    gain = trial.suggest_float("xavier_gain", 0.1, 10.0, log=True)
    distribution: Any = trial.suggest_categorical("xavier_distribution", ["uniform", "normal"])
    return Xavier(gain=gain, distribution=distribution)
