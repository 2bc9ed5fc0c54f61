"""SVRG with a measured coefficient: the learning rate; a snapshot every epoch."""

from optuna import Trial

from vrtune import SGD, OptimalSVRG, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 0.1}  # SGD's, as for svrg


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale."""
    return TrialConfig(
        estimator=OptimalSVRG(),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
