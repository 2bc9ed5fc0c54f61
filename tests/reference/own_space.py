"""A search space whose units lie in a file beside it."""

from __future__ import annotations

import optuna
from own_units import Averaged, Line, Sign

from vrtune import TrialConfig


def suggest(trial: optuna.Trial) -> TrialConfig:
    return TrialConfig(
        estimator=Averaged(epoch=0.5, mode="sum"),
        optimizer=Sign(lr=trial.suggest_float("lr", 1e-4, 1e-2, log=True)),
        schedule=Line(),
    )
