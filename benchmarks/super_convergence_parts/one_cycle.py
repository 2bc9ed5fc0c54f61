"""SGD with momentum 0.9, schedule one cycle: the learning rate."""

from optuna import Trial

from vrtune import SGD, OneCycle, TrialConfig

GRID = {"lr": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid; of a schedule its largest."""
    lr = trial.suggest_float("lr", 1e-3, 30.0, log=True)
    return TrialConfig(optimizer=SGD(lr=lr, momentum=0.9), schedule=OneCycle())
