"""SAGA: the learning rate; an entry of the table a batch, of a partition held over the run.

Tables of single samples, as the paper has them, take n rows of the model, or n (inputs + outputs)
numbers a linear layer: SAGA(table="factored") or "svd" in a space of your own.
"""

from optuna import Trial

from vrtune import SAGA, SGD, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}  # the source project's, as SVRG's
DEFAULT = {"lr": 0.1}  # SGD's: El Hanchi gives all methods one step size


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale, as SGD's."""
    return TrialConfig(
        estimator=SAGA(),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
