"""vrtune's and Optuna's samplers under the names the command line knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna import samplers

from vrtune.errors import chosen
from vrtune.strategy import AutoSampler
from vrtune.studies.quiet import experimental, quiet

# Grid search proposes nothing by itself: the grid's points are queued before the search starts.
SAMPLERS: dict[str, Callable[[int], samplers.BaseSampler]] = {
    "auto": lambda seed: AutoSampler(seed=seed),
    # Optuna 5's own default is multivariate and can lock onto the wrong category
    "tpe": lambda seed: samplers.TPESampler(multivariate=False, constant_liar=True, seed=seed),
    "random": lambda seed: samplers.RandomSampler(seed=seed),
    "qmc": lambda seed: experimental(samplers.QMCSampler)(scramble=True, seed=seed),
    "gp": lambda seed: samplers.GPSampler(seed=seed),
    "grid": lambda seed: samplers.RandomSampler(seed=seed),
}


@quiet()
def make_sampler(
    name: str,
    seed: int,
    default: Mapping[str, Any] | None = None,
    grid: Sequence[Mapping[str, Any]] | None = None,
) -> samplers.BaseSampler:
    """The sampler called `name`; what the space has for a start is of use to `auto` alone.

    UsageError for an unknown name.
    """
    make = chosen(SAMPLERS, name, "sampler")
    if name == "auto":
        return AutoSampler(default=default, grid=grid, seed=seed % 2**32)
    return make(seed % 2**32)
