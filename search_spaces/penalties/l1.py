"""Sparse weights by proximal steps: what is searched under --penalty l1."""

from optuna import Trial

from vrtune import Norms

GRID = {"l1": [1e-6, 1e-5, 1e-4, 1e-3]}
DEFAULT = {"l1": 1e-4}  # alpha of scikit-learn's SGDClassifier


def suggest(trial: Trial) -> Norms:
    """l1 in 1e-7 .. 1e-1, log scale; decoupled, as a gradient's steps end at no zero exactly."""
    return Norms(l1=trial.suggest_float("l1", 1e-7, 1e-1, log=True), decoupled=True)
