"""Shampoo: the learning rate; roots at every tenth step."""

from optuna import Trial

from vrtune import Shampoo, TrialConfig

# torch_optimizer.Shampoo has 0.1 without momentum; 0.9, Gupta et al. 2018's, makes steps ten times
# as long
DEFAULT = {"lr": 0.01}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1, log scale."""
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    return TrialConfig(optimizer=Shampoo(lr=lr, momentum=0.9, every=10))
