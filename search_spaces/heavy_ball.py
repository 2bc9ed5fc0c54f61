"""The heavy ball, momentum as a velocity: the learning rate and the momentum."""

from optuna import Trial

from vrtune import HeavyBall, TrialConfig

GRID = {"lr": [1e-3, 1e-2, 1e-1, 1.0], "momentum": [0.8, 0.9, 0.99]}  # momentum's usual range
DEFAULT = {"lr": 0.1, "momentum": 0.9}  # He et al. 2016, as most image classifiers since


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale; momentum in 0.5 .. 0.995."""
    lr = trial.suggest_float("lr", 1e-5, 10.0, log=True)
    momentum = trial.suggest_float("momentum", 0.5, 0.995)
    return TrialConfig(optimizer=HeavyBall(lr=lr, momentum=momentum))
