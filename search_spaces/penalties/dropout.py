"""Dropout: what is searched under --penalty dropout, of models with dropout layers."""

from optuna import Trial

from vrtune import Dropout

GRID = {"dropout_rate": [0.0, 0.1, 0.2, 0.3, 0.4, 0.5]}
DEFAULT = {"dropout_rate": 0.5}  # Srivastava et al. 2014, section 7.3: of hidden units


def suggest(trial: Trial) -> Dropout:
    """rate in 0 .. 0.8."""
    return Dropout(rate=trial.suggest_float("dropout_rate", 0.0, 0.8))
