"""alpha-SVRG at the learning rates and the snapshots of the source's SVRG."""

from optuna import Trial

from vrtune import SGD, AlphaSVRG, TrialConfig

GRID = {"lr": [1e-2, 5e-3, 5e-4]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    return TrialConfig(estimator=AlphaSVRG(snapshot_period=5), optimizer=SGD(lr=lr))
