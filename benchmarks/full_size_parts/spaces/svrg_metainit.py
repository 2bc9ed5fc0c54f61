"""The source's SVRG after MetaInit of 200 steps, with its lr, momentum and epsilon."""

from optuna import Trial

from vrtune import SGD, SVRG, MetaInit, TrialConfig

GRID = {"lr": [1e-2, 5e-3, 5e-4]}


def suggest(trial: Trial) -> TrialConfig:
    """lr of the grid."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    init = MetaInit(steps=200, lr=0.1, momentum=0.9, epsilon=1e-5)
    svrg = SVRG(snapshot_period=5)
    return TrialConfig(estimator=svrg, optimizer=SGD(lr=lr), init=init)
