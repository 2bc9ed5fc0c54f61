"""vrtune's and Optuna's pruners by name, and the epochs at which they decide."""

from __future__ import annotations

from collections.abc import Callable

from optuna import pruners

from vrtune.errors import chosen
from vrtune.strategy import FoldsPruner

# Of pruners that decide at a few epochs only, the rungs: each is so many times the one before.
FACTORS = {"hyperband": 3, "halving": 4}

# Each takes the number of epochs, which are Optuna's steps; the first epoch is number 1.
PRUNERS: dict[str, Callable[[int], pruners.BasePruner]] = {
    "folds": FoldsPruner,
    "median": lambda epochs: pruners.MedianPruner(
        n_startup_trials=5, n_warmup_steps=warmup(epochs) + 1
    ),
    "percentile": lambda epochs: pruners.PercentilePruner(
        25.0, n_startup_trials=5, n_warmup_steps=warmup(epochs) + 1
    ),
    "hyperband": lambda epochs: pruners.HyperbandPruner(
        min_resource=1, max_resource=epochs, reduction_factor=FACTORS["hyperband"]
    ),
    "halving": lambda epochs: pruners.SuccessiveHalvingPruner(
        min_resource=1, reduction_factor=FACTORS["halving"]
    ),
    "none": lambda epochs: pruners.NopPruner(),
}


def warmup(epochs: int) -> int:
    """Epochs after which a trial is not yet compared with others: a tenth, at least one."""
    return max(1, epochs // 10)


def rungs(pruner: str, epochs: int) -> frozenset[int] | None:
    """The epochs whose values decide: those the pruner looks at, and the last. None: every one."""
    if pruner == "none":
        return frozenset([epochs])
    if pruner not in FACTORS:
        return None
    at, rung = {epochs}, 1
    while rung < epochs:
        at.add(rung)
        rung *= FACTORS[pruner]
    return frozenset(at)


def make_pruner(name: str, epochs: int) -> pruners.BasePruner:
    """The pruner called `name`. UsageError for an unknown name."""
    return chosen(PRUNERS, name, "pruner")(epochs)
