"""SGLD over SVRG's gradients: the learning rate and the prior; a snapshot every epoch."""

from optuna import Trial

from vrtune import SGLD, SVRG, TrialConfig

DEFAULT = {"lr": 0.5, "prior_precision": 1.0}  # SGLD's: the same posterior, with less noise


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-4 .. 10, that of the mean loss; prior_precision in 1e-2 .. 1e3; both log scale."""
    lr = trial.suggest_float("lr", 1e-4, 10.0, log=True)
    prior = trial.suggest_float("prior_precision", 1e-2, 1e3, log=True)
    return TrialConfig(
        estimator=SVRG(snapshot_period=1), optimizer=SGLD(lr=lr, prior_precision=prior)
    )
