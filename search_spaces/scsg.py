"""SCSG: the learning rate, with momentum or without; mega-batches of 10."""

from optuna import Trial

from vrtune import SCSG, SGD, TrialConfig

GRID = {"lr": [1e-4, 1e-3, 1e-2, 1e-1], "momentum": [0.0, 0.9]}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1, log scale; momentum 0 or 0.9."""
    return TrialConfig(
        estimator=SCSG(),
        optimizer=SGD(
            lr=trial.suggest_float("lr", 1e-5, 1.0, log=True),
            momentum=trial.suggest_categorical("momentum", [0.0, 0.9]),
        ),
    )
