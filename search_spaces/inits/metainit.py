"""MetaInit: the settings searched beside a method's own under --init metainit."""

from optuna import Trial

from vrtune import MetaInit

GRID = {
    "metainit_lr": [0.1],
    "metainit_momentum": [0.9],
    "metainit_steps": [200],
    "metainit_epsilon": [1e-5],
}
# Dauphin & Schoenholz 2019; they take 500 steps, the source project 200
DEFAULT = {
    "metainit_lr": 0.1,
    "metainit_momentum": 0.9,
    "metainit_steps": 200,
    "metainit_epsilon": 1e-5,
}


def suggest(trial: Trial) -> MetaInit:
    """lr in 1e-2 .. 1, steps in 50 .. 1000, epsilon in 1e-6 .. 1e-4; momentum in 0 .. 0.99."""
    return MetaInit(
        lr=trial.suggest_float("metainit_lr", 1e-2, 1.0, log=True),
        momentum=trial.suggest_float("metainit_momentum", 0.0, 0.99),
        steps=trial.suggest_int("metainit_steps", 50, 1000, log=True),
        epsilon=trial.suggest_float("metainit_epsilon", 1e-6, 1e-4, log=True),
    )
