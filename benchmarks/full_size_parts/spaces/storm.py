"""STORM, which the source had on LeNet alone: the middle of its grid there, w = 0.1."""

from optuna import Trial

from vrtune import SGD, STORM, TrialConfig

GRID = {"k": [0.1, 1.0, 0.01], "c": [100.0, 10.0]}


def suggest(trial: Trial) -> TrialConfig:
    """k and c of the grid."""
    k = trial.suggest_float("k", 1e-3, 10.0, log=True)
    c = trial.suggest_float("c", 0.1, 1e3, log=True)
    return TrialConfig(estimator=STORM(k=k, w=0.1, c=c), optimizer=SGD())
