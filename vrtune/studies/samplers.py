"""vrtune's and Optuna's samplers under the names the command line knows.

What they draw depends on the study and on the trial's number alone: processes that search one study
propose different points, and it does not matter which of them asks.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from optuna import Study, samplers
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial

from vrtune.errors import chosen
from vrtune.lanes.keys import key
from vrtune.storages.quiet import quiet
from vrtune.strategy import AutoSampler


class KeyedSampler(samplers.BaseSampler):
    """One of Optuna's samplers, made anew for every question: nothing is left of earlier ones."""

    def __init__(self, make: Callable[[int], samplers.BaseSampler], seed: int) -> None:
        self.make, self.seed = make, seed

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """What the sampler would propose as one."""
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Parameters that are proposed together."""
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that is proposed alone."""
        inner = self._of(trial, param_name)
        return inner.sample_independent(study, trial, param_name, param_distribution)

    def _of(self, trial: FrozenTrial, *words: str) -> samplers.BaseSampler:
        return self.make(key(self.seed, trial.number, *words) % 2**32)


class SobolSampler(samplers.QMCSampler):
    """Optuna's, but a trial's point is that of its number. Optuna counts in the study, where two
    processes can read the same count."""

    def __init__(self, seed: int) -> None:
        alone = KeyedSampler(lambda own: samplers.RandomSampler(seed=own), seed)
        make = inspect.unwrap(samplers.QMCSampler.__init__)  # without a warning: it is experimental
        make(self, scramble=True, seed=seed, independent_sampler=alone)
        self._number = 0

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The point of a scrambled Sobol sequence that is a trial's."""
        self._number = trial.number
        # in one order: another trial may have been asked for its parameters in another
        return super().sample_relative(study, trial, dict(sorted(search_space.items())))

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._number


def _keyed(make: Callable[[int], samplers.BaseSampler]) -> Callable[[int], samplers.BaseSampler]:
    return lambda seed: KeyedSampler(make, seed)


# Grid search proposes nothing by itself: the grid's points are queued before the search starts.
SAMPLERS: dict[str, Callable[[int], samplers.BaseSampler]] = {
    "auto": lambda seed: AutoSampler(seed=seed),
    # Optuna 5's own default is multivariate and can lock onto the wrong category
    "tpe": _keyed(
        lambda own: samplers.TPESampler(multivariate=False, constant_liar=True, seed=own)
    ),
    "random": _keyed(lambda own: samplers.RandomSampler(seed=own)),
    "qmc": SobolSampler,
    "gp": _keyed(lambda own: samplers.GPSampler(seed=own)),
    "grid": _keyed(lambda own: samplers.RandomSampler(seed=own)),
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
