"""AdaMax: the learning rate."""

from optuna import Trial

from vrtune import AdaMax, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 2e-3}  # Kingma & Ba 2015, algorithm 2


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1, log scale."""
    return TrialConfig(optimizer=AdaMax(lr=trial.suggest_float("lr", 1e-5, 1.0, log=True)))
