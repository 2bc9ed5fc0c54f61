"""SGD with momentum over one cycle: the largest learning rate, and when it is reached."""

from optuna import Trial

from vrtune import SGD, OneCycle, TrialConfig

GRID = {"lr": [1e-2, 1e-1, 1.0, 3.0], "rising": [0.3, 0.45]}
# Smith & Topin 2018, who rise to 3 for a ResNet with batch norm; Smith 2018: 45 % of the run each
# way, and momentum 0.9; lr = 0.1 is where most classifiers begin
DEFAULT = {"lr": 0.1, "rising": 0.45}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-3 .. 30, log scale; rising in 0.1 .. 0.9 of the run."""
    lr = trial.suggest_float("lr", 1e-3, 30.0, log=True)
    rising = trial.suggest_float("rising", 0.1, 0.9)
    return TrialConfig(optimizer=SGD(lr=lr, momentum=0.9), schedule=OneCycle(rising=rising))
