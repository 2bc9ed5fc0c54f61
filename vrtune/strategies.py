"""Optuna's samplers and pruners under the names the command line knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from optuna import pruners, samplers

from vrtune.errors import UsageError

T = TypeVar("T")
Validate = Literal["epochs", "rungs"]  # after each epoch; where the pruner decides, and at the end

# Grid search proposes nothing by itself: the grid's points are queued before the search starts.
SAMPLERS: dict[str, Callable[[int], samplers.BaseSampler]] = {
    # Optuna 5's own default is multivariate and can lock onto the wrong category
    "tpe": lambda seed: samplers.TPESampler(multivariate=False, constant_liar=True, seed=seed),
    "random": lambda seed: samplers.RandomSampler(seed=seed),
    "qmc": lambda seed: samplers.QMCSampler(scramble=True, seed=seed),
    "gp": lambda seed: samplers.GPSampler(seed=seed),
    "grid": lambda seed: samplers.RandomSampler(seed=seed),
}

# Of pruners that decide at a few epochs only, the rungs: each is so many times the one before.
FACTORS = {"hyperband": 3, "halving": 4}

# Each takes the number of epochs; a trial reports once an epoch, the first report being step 1.
PRUNERS: dict[str, Callable[[int], pruners.BasePruner]] = {
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
    at, step = {epochs}, 1
    while step < epochs:
        at.add(step)
        step *= FACTORS[pruner]
    return frozenset(at)


def make_sampler(name: str, seed: int) -> samplers.BaseSampler:
    """UsageError for an unknown name."""
    return _choose(SAMPLERS, name, "sampler")(seed % 2**32)


def make_pruner(name: str, epochs: int) -> pruners.BasePruner:
    """UsageError for an unknown name."""
    return _choose(PRUNERS, name, "pruner")(epochs)


def _choose(registry: dict[str, T], name: str, what: str) -> T:
    if name not in registry:
        raise UsageError(f"there is no {what} {name!r}: choose one of {', '.join(registry)}")
    return registry[name]
