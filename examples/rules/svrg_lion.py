"""SVRG over Lion."""

from vrtune import SVRG, Library, TrialConfig

DEFAULT = {"lr": 0.0003}


def suggest(trial):
    lr = trial.suggest_float("lr", 1e-05, 0.1, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1), optimizer=Library("pytorch_optimizer.Lion", lr=lr)
    )
