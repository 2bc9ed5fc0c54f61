"""NAdam."""

from vrtune import Library, TrialConfig

DEFAULT = {"lr": 0.002}


def suggest(trial):
    lr = trial.suggest_float("lr", 0.0001, 1.0, log=True)
    return TrialConfig(optimizer=Library("torch.optim.NAdam", lr=lr))
