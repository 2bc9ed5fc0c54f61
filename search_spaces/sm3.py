"""SM3: the learning rate; momentum is the paper's 0.9."""

from optuna import Trial

from vrtune import SM3, TrialConfig

GRID = {"lr": [1e-3, 1e-2, 1e-1, 1.0]}
DEFAULT = {"lr": 0.1}  # pytorch_optimizer.SM3; Anil et al. 2019 tune theirs, with momentum 0.9


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 10, log scale."""
    lr = trial.suggest_float("lr", 1e-4, 10.0, log=True)
    return TrialConfig(optimizer=SM3(lr=lr, momentum=0.9))
