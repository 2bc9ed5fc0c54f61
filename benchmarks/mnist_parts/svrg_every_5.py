"""SVRG as in the source's study: the learning rate; a snapshot every five epochs."""

from optuna import Trial

from vrtune import SGD, SVRG, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale, as SGD's."""
    return TrialConfig(
        estimator=SVRG(snapshot_period=5),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
