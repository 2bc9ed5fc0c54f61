"""SGD with momentum: the learning rate and the momentum."""

from optuna import Trial

from vrtune import SGD, TrialConfig

DEFAULT = {"lr": 0.1, "damping": 0.1}  # He et al. 2016: lr 0.1, momentum 0.9


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10 and 1 - momentum, called damping, in 1e-3 .. 1, both on a log scale, as
    Shallue et al. 2019 search them."""
    lr = trial.suggest_float("lr", 1e-5, 10.0, log=True)
    damping = trial.suggest_float("damping", 1e-3, 1.0, log=True)
    return TrialConfig(optimizer=SGD(lr=lr, momentum=1 - damping))
