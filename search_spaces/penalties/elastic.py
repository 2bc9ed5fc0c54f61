"""L1 and L2 together: what is searched under --penalty elastic."""

from optuna import Trial

from vrtune import Norms

GRID = {"l1": [1e-6, 1e-5, 1e-4], "l2": [1e-5, 1e-4, 1e-3]}
# scikit-learn's SGDClassifier: alpha = 1e-4, of which l1_ratio = 0.15 is L1
DEFAULT = {"l1": 1.5e-5, "l2": 8.5e-5}


def suggest(trial: Trial) -> Norms:
    """l1 in 1e-7 .. 1e-1, l2 in 1e-6 .. 1, log scale; decoupled, for zeros that are exact."""
    return Norms(
        l1=trial.suggest_float("l1", 1e-7, 1e-1, log=True),
        l2=trial.suggest_float("l2", 1e-6, 1.0, log=True),
        decoupled=True,
    )
