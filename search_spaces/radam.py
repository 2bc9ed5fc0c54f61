"""RAdam: the learning rate."""

from optuna import Trial

from vrtune import RAdam, TrialConfig

GRID = {"lr": [3e-3, 1e-2, 3e-2, 1e-1]}  # Liu et al. 2020 on CIFAR-10
DEFAULT = {"lr": 1e-3}  # torch.optim.RAdam, as Adam's


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1, log scale."""
    return TrialConfig(optimizer=RAdam(lr=trial.suggest_float("lr", 1e-5, 1.0, log=True)))
