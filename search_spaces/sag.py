"""SAG: the learning rate; an entry of the table a batch, of a partition held over the run."""

from optuna import Trial

from vrtune import SAG, SGD, TrialConfig

GRID = {"lr": [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]}  # as SAGA's
# Schmidt et al. 2017 take 1/L, and prove 1/(16 L): smaller than SGD's, as d is an old mean
DEFAULT = {"lr": 0.01}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale, as SGD's."""
    return TrialConfig(
        estimator=SAG(),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
