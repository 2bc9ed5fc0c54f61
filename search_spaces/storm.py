"""STORM: k and c; w = 0.1 as in the source project."""

from optuna import Trial

from vrtune import SGD, STORM, TrialConfig

GRID = {"k": [1e-3, 1e-2, 1e-1, 1.0], "c": [0.1, 1.0, 10.0, 100.0, 1000.0]}


def suggest(trial: Trial) -> TrialConfig:
    """k in 1e-3 .. 1 and c in 0.1 .. 1000, log scale."""
    k = trial.suggest_float("k", 1e-3, 1.0, log=True)
    c = trial.suggest_float("c", 1e-1, 1e3, log=True)
    return TrialConfig(estimator=STORM(k=k, w=0.1, c=c), optimizer=SGD())
