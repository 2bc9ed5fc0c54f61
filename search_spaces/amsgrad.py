"""AMSGrad: the learning rate."""

from optuna import Trial

from vrtune import Adam, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 1e-3}  # Adam's; Reddi et al. 2018 choose theirs by a grid


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 0.1, log scale, as Adam's."""
    lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
    return TrialConfig(optimizer=Adam(lr=lr, amsgrad=True))
