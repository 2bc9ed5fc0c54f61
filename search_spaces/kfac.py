"""K-FAC: the learning rate and the damping."""

from optuna import Trial

from vrtune import KFAC, TrialConfig

# kfac-pytorch (Pauloski et al. 2020), whose decay 0.95 and bound 1e-3 are the rule's own, too
DEFAULT = {"lr": 0.1, "damping": 1e-3}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 10, damping in 1e-6 .. 1, log scale."""
    return TrialConfig(
        optimizer=KFAC(
            lr=trial.suggest_float("lr", 1e-5, 10.0, log=True),
            damping=trial.suggest_float("damping", 1e-6, 1.0, log=True),
        )
    )
