"""SGLD: the learning rate and the prior of a chain of posterior samples."""

from optuna import Trial

from vrtune import SGLD, TrialConfig

DEFAULT = {"lr": 0.5, "prior_precision": 1.0}  # Zhang et al. 2020 (CIFAR-10), and N(0, 1)


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 10, that of the mean loss; prior_precision in 1e-2 .. 1e3; both log scale."""
    lr = trial.suggest_float("lr", 1e-4, 10.0, log=True)
    prior = trial.suggest_float("prior_precision", 1e-2, 1e3, log=True)
    return TrialConfig(optimizer=SGLD(lr=lr, prior_precision=prior))
