"""MARS over AdamW: the learning rate and gamma."""

from optuna import Trial

from vrtune import MARS, Adam, TrialConfig

GRID = {"lr": [3e-4, 1e-3, 3e-3, 1e-2], "gamma": [0.025, 0.1]}
DEFAULT = {"lr": 3e-3, "gamma": 0.025}  # the code of Yuan et al. 2024


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-5 .. 0.1, gamma in 0.005 .. 0.5, both log scale; betas (0.95, 0.99)."""
    return TrialConfig(
        estimator=MARS(gamma=trial.suggest_float("gamma", 0.005, 0.5, log=True), beta1=0.95),
        optimizer=Adam(
            lr=trial.suggest_float("lr", 1e-5, 0.1, log=True),
            betas=(0.95, 0.99),
            weight_decay=0.01,
            decoupled_weight_decay=True,
        ),
    )
