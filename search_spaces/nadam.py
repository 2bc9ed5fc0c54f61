"""NAdam: the learning rate."""

from optuna import Trial

from vrtune import NAdam, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 2e-3}  # torch.optim.NAdam, and Keras before it


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 0.3, log scale."""
    return TrialConfig(optimizer=NAdam(lr=trial.suggest_float("lr", 1e-5, 0.3, log=True)))
