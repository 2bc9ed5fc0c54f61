"""LAMB: the learning rate and the weight decay."""

from optuna import Trial

from vrtune import LAMB, TrialConfig

GRID = {"lr": [1e-4, 1e-3, 1e-2, 1e-1], "weight_decay": [1e-4, 1e-2]}
# You et al. 2020 for BERT: 5e-3 at a batch of 32,768, falling with its root; 0.01
DEFAULT = {"lr": 5e-3, "weight_decay": 0.01}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1 and weight_decay in 1e-5 .. 1, log scale."""
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    weight_decay = trial.suggest_float("weight_decay", 1e-5, 1.0, log=True)
    return TrialConfig(optimizer=LAMB(lr=lr, weight_decay=weight_decay))
