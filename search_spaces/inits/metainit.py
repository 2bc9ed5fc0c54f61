"""MetaInit: the settings searched beside a method's own under --init metainit."""

from optuna import Trial

from vrtune import MetaInit

GRID = {
    "metainit_lr": [0.1],
    "metainit_momentum": [0.9],
    "metainit_steps": [200],
    "metainit_epsilon": [1e-5],
}


def suggest(trial: Trial) -> MetaInit:
    """Around the source project's lr 0.1, momentum 0.9, 200 steps, epsilon 1e-5."""
    return MetaInit(
        lr=trial.suggest_float("metainit_lr", 1e-2, 1.0, log=True),
        momentum=trial.suggest_float("metainit_momentum", 0.5, 0.95),
        steps=trial.suggest_int("metainit_steps", 50, 500),
        epsilon=trial.suggest_float("metainit_epsilon", 1e-6, 1e-4, log=True),
    )
