"""SVRG over Lion, or over any optimizer of PyTorch or another package."""

from vrtune import SVRG, Library, TrialConfig

DEFAULT = {"lr": 3e-4}


def suggest(trial):
    lr = trial.suggest_float("lr", 1e-5, 1e-2, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1),
        optimizer=Library("pytorch_optimizer.Lion", lr=lr, betas=(0.9, 0.99)),
    )
