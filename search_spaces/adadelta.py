"""AdaDelta: rho and eps; it has no learning rate."""

from optuna import Trial

from vrtune import AdaDelta, TrialConfig

# Zeiler 2012: the settings tried on MNIST, and the one that was kept
GRID = {"rho": [0.9, 0.95, 0.99], "eps": [1e-8, 1e-6, 1e-4, 1e-2]}
DEFAULT = {"rho": 0.95, "eps": 1e-6}


def suggest(trial: Trial) -> TrialConfig:
    """rho in 0.8 .. 0.999; eps, whose root is the first step's size, in 1e-10 .. 1, log scale."""
    rho = trial.suggest_float("rho", 0.8, 0.999)
    eps = trial.suggest_float("eps", 1e-10, 1.0, log=True)
    return TrialConfig(optimizer=AdaDelta(lr=1.0, rho=rho, eps=eps))
