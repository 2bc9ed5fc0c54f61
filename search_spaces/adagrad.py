"""AdaGrad: the learning rate."""

from optuna import Trial

from vrtune import AdaGrad, TrialConfig

GRID = {"lr": [1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"lr": 1e-2}  # torch.optim.Adagrad; Duchi et al. 2011 name none


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 1, log scale."""
    return TrialConfig(optimizer=AdaGrad(lr=trial.suggest_float("lr", 1e-4, 1.0, log=True)))
