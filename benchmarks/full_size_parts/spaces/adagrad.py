"""AdaGrad, which the source had on LeNet alone: its learning rates there."""

from optuna import Trial

from vrtune import AdaGrad, TrialConfig

GRID = {"lr": [1e-1, 1e-2, 1e-3, 1e-4]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    return TrialConfig(optimizer=AdaGrad(lr=lr))
