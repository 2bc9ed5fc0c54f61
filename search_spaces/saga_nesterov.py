"""SAGA with Nesterov's momentum, El Hanchi's accelerated form: learning rate and momentum."""

from optuna import Trial

from vrtune import SAGA, SGD, TrialConfig

DEFAULT = {"lr": 0.01, "momentum": 0.9}  # SAGA's 0.1 with the steps that a momentum of 0.9 adds up


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale, as SGD's; momentum in 0.5 .. 0.99."""
    return TrialConfig(
        estimator=SAGA(),
        optimizer=SGD(
            lr=trial.suggest_float("lr", 1e-5, 10.0, log=True),
            momentum=trial.suggest_float("momentum", 0.5, 0.99),
            nesterov=True,
        ),
    )
