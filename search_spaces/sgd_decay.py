"""SGD whose step size falls as c / k^power: learning rate, power and offset."""

from optuna import Trial

from vrtune import SGD, Decay, TrialConfig

GRID = {"lr": [1e-3, 1e-2, 1e-1, 1.0], "power": [0.5, 1.0], "offset": [1.0]}
# Robbins & Monro 1951 and their successors: c / k and c / sqrt(k); Bottou 2012 fits the rest
DEFAULT = {"lr": 0.1, "power": 0.5, "offset": 1.0}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10 and offset in 0.01 .. 100 epochs, log scale; power in 0.25 .. 1.25."""
    lr = trial.suggest_float("lr", 1e-5, 10.0, log=True)
    power = trial.suggest_float("power", 0.25, 1.25)
    offset = trial.suggest_float("offset", 1e-2, 100.0, log=True)
    return TrialConfig(optimizer=SGD(lr=lr), schedule=Decay(power=power, offset=offset))
