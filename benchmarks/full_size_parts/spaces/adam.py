"""The source's Adam on ResNet-18: the learning rate."""

from optuna import Trial

from vrtune import Adam, TrialConfig

GRID = {"lr": [1e-3, 1e-4, 1e-5]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    return TrialConfig(optimizer=Adam(lr=lr))
