"""SGD: the learning rate."""

from optuna import Trial

from vrtune import SGD, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 0.1}  # He et al. 2016, as most image classifiers since


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale: with batch norm the best may lie beyond 1."""
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)))
