"""Optuna's samplers under the names the command line knows."""

from __future__ import annotations

from collections.abc import Callable

from optuna import samplers

from vrtune.errors import chosen
from vrtune.studies.quiet import experimental, quiet

# Grid search proposes nothing by itself: the grid's points are queued before the search starts.
SAMPLERS: dict[str, Callable[[int], samplers.BaseSampler]] = {
    # Optuna 5's own default is multivariate and can lock onto the wrong category
    "tpe": lambda seed: samplers.TPESampler(multivariate=False, constant_liar=True, seed=seed),
    "random": lambda seed: samplers.RandomSampler(seed=seed),
    "qmc": lambda seed: experimental(samplers.QMCSampler)(scramble=True, seed=seed),
    "gp": lambda seed: samplers.GPSampler(seed=seed),
    "grid": lambda seed: samplers.RandomSampler(seed=seed),
}


@quiet()
def make_sampler(name: str, seed: int) -> samplers.BaseSampler:
    """The sampler called `name`. UsageError for an unknown name."""
    return chosen(SAMPLERS, name, "sampler")(seed % 2**32)
