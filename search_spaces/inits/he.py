"""He's initialisation: gain, fan and distribution are searched."""

from typing import Any

from optuna import Trial

from vrtune import He

GRID = {"he_gain": [2**0.5], "he_fan": ["in"], "he_distribution": ["normal"]}
DEFAULT = {"he_gain": 2**0.5, "he_fan": "in", "he_distribution": "normal"}  # He et al. 2015


def suggest(trial: Trial) -> He:
    """gain in 0.1 .. 10, log scale; fan in or out; normal or uniform."""
    gain = trial.suggest_float("he_gain", 0.1, 10.0, log=True)
    fan: Any = trial.suggest_categorical("he_fan", ["in", "out"])
    distribution: Any = trial.suggest_categorical("he_distribution", ["normal", "uniform"])
    return He(gain=gain, fan=fan, distribution=distribution)
