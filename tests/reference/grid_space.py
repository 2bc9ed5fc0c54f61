"""A space of eight points: SGD and SVRG at four learning rates."""

from __future__ import annotations

import optuna

from vrtune import SGD, SVRG, TrialConfig

GRID = {"lr": [0.003, 0.01, 0.03, 0.1], "svrg": [0, 1]}


def suggest(trial: optuna.Trial) -> TrialConfig:
    optimizer = SGD(lr=trial.suggest_float("lr", 1e-3, 1.0, log=True), momentum=0.5)
    if trial.suggest_int("svrg", 0, 1):
        return TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=optimizer)
    return TrialConfig(optimizer=optimizer)
