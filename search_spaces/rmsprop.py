"""RMSProp: the learning rate; alpha is Hinton's 0.9."""

from optuna import Trial

from vrtune import RMSProp, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 1e-3}  # Hinton 2012, lecture 6e, where alpha is 0.9


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-6 .. 0.3, log scale."""
    lr = trial.suggest_float("lr", 1e-6, 0.3, log=True)
    return TrialConfig(optimizer=RMSProp(lr=lr, alpha=0.9))
