"""Sparse weights: how many connections a unit has, and their scale, are searched."""

from optuna import Trial

from vrtune import Sparse

GRID = {"sparse_incoming": [15], "sparse_gain": [1.0]}
DEFAULT = {"sparse_incoming": 15, "sparse_gain": 1.0}  # Martens 2010, section 5


def suggest(trial: Trial) -> Sparse:
    """incoming in 1 .. 100 and gain in 0.05 .. 5, log scale."""
    return Sparse(
        incoming=trial.suggest_int("sparse_incoming", 1, 100, log=True),
        gain=trial.suggest_float("sparse_gain", 0.05, 5.0, log=True),
    )
