"""SVRG over Shampoo."""

from vrtune import SVRG, Library, TrialConfig

DEFAULT = {"lr": 0.1}


def suggest(trial):
    lr = trial.suggest_float("lr", 0.001, 10.0, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1), optimizer=Library("pytorch_optimizer.Shampoo", lr=lr)
    )
