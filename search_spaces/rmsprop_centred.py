"""Centred RMSProp with momentum: the learning rate and the momentum."""

from optuna import Trial

from vrtune import RMSProp, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2], "momentum": [0.0, 0.9]}
# Graves 2013, equations 38 to 41, as are alpha = 0.95 and eps = 1e-4
DEFAULT = {"lr": 1e-4, "momentum": 0.9}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-6 .. 0.3, log scale; momentum in 0 .. 0.99."""
    lr = trial.suggest_float("lr", 1e-6, 0.3, log=True)
    momentum = trial.suggest_float("momentum", 0.0, 0.99)
    rule = RMSProp(lr=lr, momentum=momentum, alpha=0.95, eps=1e-4, centered=True)
    return TrialConfig(optimizer=rule)
