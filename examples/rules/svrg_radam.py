"""SVRG over RAdam."""

from vrtune import SVRG, Library, TrialConfig

DEFAULT = {"lr": 0.001}


def suggest(trial):
    lr = trial.suggest_float("lr", 0.0001, 1.0, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1), optimizer=Library("torch.optim.RAdam", lr=lr)
    )
