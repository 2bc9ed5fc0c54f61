"""Weight decay in the gradient: the settings searched beside a method's own under --penalty l2."""

from optuna import Trial

from vrtune import Norms

# l2: powers of ten, as document 003's grid search over lambda asks for
GRID = {"l2": [1e-5, 1e-4, 1e-3, 1e-2]}
DEFAULT = {"l2": 5e-4}  # Krizhevsky et al., NeurIPS 2012, as most image classifiers since


def suggest(trial: Trial) -> Norms:
    """l2 in 1e-6 .. 1, log scale; biases and norm layers are left alone."""
    return Norms(l2=trial.suggest_float("l2", 1e-6, 1.0, log=True))
