"""STORM: k, w and c, which make the step size and the momentum."""

from optuna import Trial

from vrtune import SGD, STORM, TrialConfig

# the source project's, w = 0.1 throughout
GRID = {"k": [1e-3, 1e-2, 1e-1, 1.0], "w": [0.1], "c": [0.1, 1.0, 10.0, 100.0, 1000.0]}
# Cutkosky & Orabona 2019: k = w = 0.1, c swept in log space; 100 is that of their code
DEFAULT = {"k": 0.1, "w": 0.1, "c": 100.0}


def suggest(trial: Trial) -> TrialConfig:
    """k in 1e-3 .. 10, w in 1e-2 .. 100 and c in 0.1 .. 1000, log scale.

    k = 1 and w = 10, which the authors' code starts with, lie inside.
    """
    k = trial.suggest_float("k", 1e-3, 10.0, log=True)
    w = trial.suggest_float("w", 1e-2, 100.0, log=True)
    c = trial.suggest_float("c", 1e-1, 1e3, log=True)
    return TrialConfig(estimator=STORM(k=k, w=w, c=c), optimizer=SGD())
