"""Shampoo."""

from vrtune import Library, TrialConfig

DEFAULT = {"lr": 0.1}


def suggest(trial):
    lr = trial.suggest_float("lr", 0.001, 10.0, log=True)
    return TrialConfig(optimizer=Library("pytorch_optimizer.Shampoo", lr=lr))
