"""SGHMC: the learning rate, friction and the prior of a chain with momentum."""

from optuna import Trial

from vrtune import SGHMC, TrialConfig

# lr (1 - momentum) as SGLD's, whose speed it has; Chen et al. 2014 (MNIST): friction 0.01 .. 0.1
DEFAULT = {"lr": 0.05, "friction": 0.1, "prior_precision": 1.0}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 1, friction in 1e-2 .. 1, prior_precision in 1e-2 .. 1e3, all log scale."""
    lr = trial.suggest_float("lr", 1e-5, 1.0, log=True)
    friction = trial.suggest_float("friction", 1e-2, 1.0, log=True)
    prior = trial.suggest_float("prior_precision", 1e-2, 1e3, log=True)
    return TrialConfig(optimizer=SGHMC(lr=lr, friction=friction, prior_precision=prior))
