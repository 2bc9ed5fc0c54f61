"""LARS: the learning rate, and the share of its norm by which a tensor moves."""

from optuna import Trial

from vrtune import LARS, TrialConfig

GRID = {"lr": [1e-2, 1e-1, 1.0, 10.0], "trust_coefficient": [1e-3, 1e-2]}
# You, Gitman & Ginsburg 2017: trust_coefficient = 0.001, momentum = 0.9, and a learning rate for
# each batch size; with 1, a tensor moves by a hundredth of its norm along a steady gradient
DEFAULT = {"lr": 1.0, "trust_coefficient": 1e-3}


def suggest(trial: Trial) -> TrialConfig:
    """lr, which biases take as it is, in 1e-4 .. 100; trust_coefficient in 1e-4 .. 1; log scale."""
    lr = trial.suggest_float("lr", 1e-4, 100.0, log=True)
    trust = trial.suggest_float("trust_coefficient", 1e-4, 1.0, log=True)
    return TrialConfig(optimizer=LARS(lr=lr, trust_coefficient=trust))
