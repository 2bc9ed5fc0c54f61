"""The source's SGD on deep nets: the learning rate."""

from optuna import Trial

from vrtune import SGD, TrialConfig

GRID = {"lr": [0.1, 0.05, 0.01, 0.005]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    return TrialConfig(optimizer=SGD(lr=lr))
