"""Weight decay beside the step rule: what is searched under --penalty l2_decoupled."""

from optuna import Trial

from vrtune import Norms

GRID = {"l2": [1e-4, 1e-3, 1e-2, 1e-1]}
DEFAULT = {"l2": 0.01}  # torch.optim.AdamW's


def suggest(trial: Trial) -> Norms:
    """l2 in 1e-5 .. 10, log scale: it is multiplied by the step size."""
    return Norms(l2=trial.suggest_float("l2", 1e-5, 10.0, log=True), decoupled=True)
