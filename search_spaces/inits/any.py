"""Any of the initialisations beside it: which one, and its settings, are searched."""

from typing import Any

import default
import he
import metainit
import orthogonal
import sparse
import uniform
import xavier
from optuna import Trial

WAYS = {
    "default": default.suggest,
    "uniform": uniform.suggest,
    "xavier": xavier.suggest,
    "he": he.suggest,
    "orthogonal": orthogonal.suggest,
    "sparse": sparse.suggest,
    "metainit": metainit.suggest,
}
GRID = {
    "init": [*WAYS],
    **uniform.GRID,
    **xavier.GRID,
    **he.GRID,
    **orthogonal.GRID,
    **sparse.GRID,
    **metainit.GRID,
}
DEFAULT = {"init": "default"}  # of PyTorch's layers, as without --init


def suggest(trial: Trial) -> Any:
    """One of them, with its own settings."""
    return WAYS[trial.suggest_categorical("init", [*WAYS])](trial)
