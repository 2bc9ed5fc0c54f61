"""Momentum as a mean of gradients: the learning rate and the momentum."""

from optuna import Trial

from vrtune import HeavyBall, TrialConfig

GRID = {"lr": [1e-2, 1e-1, 1.0, 10.0], "momentum": [0.8, 0.9, 0.99]}
DEFAULT = {"lr": 1.0, "momentum": 0.9}  # the steps of a velocity with lr = 0.1


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 100, log scale; momentum in 0.5 .. 0.995."""
    lr = trial.suggest_float("lr", 1e-4, 100.0, log=True)
    momentum = trial.suggest_float("momentum", 0.5, 0.995)
    return TrialConfig(optimizer=HeavyBall(lr=lr, momentum=momentum, mean=True))
