"""alpha-SVRG: the learning rate, the coefficient and whether it falls; a snapshot every epoch."""

from optuna import Trial

from vrtune import SGD, AlphaSVRG, TrialConfig

GRID = {"lr": [1e-3, 1e-2, 1e-1], "alpha": [0.5, 0.75, 1.0], "decay": [True, False]}
# alpha and its fall: Yin et al. 2025, for small nets (0.75 for large ones); lr: SGD's
DEFAULT = {"lr": 0.1, "alpha": 0.5, "decay": True}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, log scale; alpha in 0 .. 1, constant or falling to 0 over the run."""
    return TrialConfig(
        estimator=AlphaSVRG(
            alpha=trial.suggest_float("alpha", 0.0, 1.0),
            decay=trial.suggest_categorical("decay", [True, False]),
        ),
        optimizer=SGD(lr=trial.suggest_float("lr", 1e-5, 10.0, log=True)),
    )
