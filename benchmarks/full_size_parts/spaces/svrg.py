"""The source's SVRG on deep nets: the learning rate; a snapshot every 5 epochs."""

from optuna import Trial

from vrtune import SGD, SVRG, TrialConfig

GRID = {"lr": [1e-2, 5e-3, 5e-4]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    return TrialConfig(estimator=SVRG(snapshot_period=5), optimizer=SGD(lr=lr))
