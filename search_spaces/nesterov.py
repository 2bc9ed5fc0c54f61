"""Nesterov's momentum: the learning rate and the momentum."""

from optuna import Trial

from vrtune import SGD, TrialConfig

# Sutskever et al. 2013 sweep the largest momentum
GRID = {"lr": [1e-3, 1e-2, 1e-1, 1.0], "momentum": [0.9, 0.99, 0.995]}
DEFAULT = {"lr": 0.1, "momentum": 0.9}  # Zagoruyko & Komodakis 2016


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale; momentum in 0.5 .. 0.999."""
    lr = trial.suggest_float("lr", 1e-5, 10.0, log=True)
    momentum = trial.suggest_float("momentum", 0.5, 0.999)
    return TrialConfig(optimizer=SGD(lr=lr, momentum=momentum, nesterov=True))
