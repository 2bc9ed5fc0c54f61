"""SCSG: the learning rate, with momentum or without; mega-batches of 10."""

from optuna import Trial

from vrtune import SCSG, SGD, TrialConfig

GRID = {"lr": [1e-4, 1e-3, 1e-2, 1e-1], "momentum": [0.0, 0.9]}
DEFAULT = {"lr": 0.1, "momentum": 0.9}  # SGD's, with He et al.'s momentum


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale; momentum 0 or 0.9."""
    return TrialConfig(
        estimator=SCSG(),
        optimizer=SGD(
            lr=trial.suggest_float("lr", 1e-5, 10.0, log=True),
            momentum=trial.suggest_categorical("momentum", [0.0, 0.9]),
        ),
    )
