"""MALA: the learning rate and the prior of a chain that rejects; for small data."""

from optuna import Trial

from vrtune import MALA, TrialConfig

# no paper's: with mini-batches their noise in the drift must stay below that of a step, 2 lr / N a
# weight, or all is rejected; whole gradients (--batch-size) take a hundred times as much
DEFAULT = {"lr": 1e-3, "prior_precision": 1.0}


def suggest(trial: Trial) -> TrialConfig:
    """lr in 1e-6 .. 1, that of the mean loss; prior_precision in 1e-2 .. 1e3; both log scale."""
    lr = trial.suggest_float("lr", 1e-6, 1.0, log=True)
    prior = trial.suggest_float("prior_precision", 1e-2, 1e3, log=True)
    return TrialConfig(optimizer=MALA(lr=lr, prior_precision=prior))
