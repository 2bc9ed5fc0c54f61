"""AutoSampler: start settings, a spread of points, then a model of all that was tried."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

from vrtune.strategy.cube import Cube
from vrtune.strategy.curves import read
from vrtune.strategy.start import read_start
from vrtune.strategy.surrogate import promise

Array = NDArray[np.float64]

SPREAD = 3  # trials that must have reported before there is a model, where there is a default
WIDTH = 0.2  # sigma of the prior around the default setting, in ranges
FADE = 2.0  # the prior weighs as much as so many trials
APART = 0.04  # ranges, from all that was tried
AHEAD = 64  # points of the spread, of which the first new one is taken
ANYWHERE, AROUND, NEAR = 120, 60, 120  # points among which the model chooses
STEPS = (0.1, 0.03)  # ranges, from the best to points near it
PROPOSED = "proposed"  # the system attribute with a trial's settings, before it asks for them


class AutoSampler(BaseSampler):
    """Proposes a default setting, points around it, then what a model of all trials promises.

    The model is a Gaussian process, and what counts the improvement on the best that it expects.
    The model's value of a trial is the log of its loss (FoldsPruner says what of others) where it
    ended, or is likely to have: pruned and open trials count with what the best ones still gained
    from there, diverged ones as worse than all others. The default setting is a prior, which fades
    as 1 / trials. What is proposed depends on the study and the trial's number alone, so that
    several processes and later searches share nothing else. It takes studies of one objective.

    Args:
        default: a setting to start with, around which the first points lie; None: no such prior.
        grid: settings that an expert would try; the first proposals are taken from them.
        seed: keys the random numbers, 0 or more; None: others each time.
    Raises:
        UsageError: a setting is no dict of names and values, or the seed no whole number.
    Source:
        Expected improvement: Jones et al. 1998; a prior that fades: Hvarfner et al. 2022 (piBO).
    Example:
        >>> import optuna
        >>> from vrtune import AutoSampler
        >>> study = optuna.create_study(sampler=AutoSampler(default={"lr": 0.1}, seed=1))
        >>> study.optimize(lambda trial: (trial.suggest_float("lr", 0, 1) - 0.3) ** 2, n_trials=9)
        >>> study.trials[0].params
        {'lr': 0.1}
    """

    # where it looks for what others are to try: it is best asked by one process at a time
    proposed = PROPOSED

    def __init__(
        self,
        *,
        default: Mapping[str, Any] | None = None,
        grid: Sequence[Mapping[str, Any]] | None = None,
        seed: int | None = None,
    ) -> None:
        self.default, self.grid = read_start(default, grid, seed)
        self.seed = np.random.SeedSequence().generate_state(1).item() if seed is None else seed

    # ---- what Optuna calls -----------------------------------------------------------------------

    def infer_relative_search_space(
        self, study: Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """Every parameter that a trial of the study has asked for, conditional ones too."""
        _refuse_many_objectives(study)
        space: dict[str, BaseDistribution] = {}
        for other in study.get_trials(deepcopy=False):
            space |= other.distributions
        return {name: d for name, d in sorted(space.items()) if not d.single() and _lasts(d)}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """The next setting, once a trial has shown what there is to set."""
        _refuse_many_objectives(study)
        if not search_space:
            return {}
        others = _others(study, trial)
        cube = Cube(search_space)
        params = self._next(study, cube, others, trial.number)
        default = {k: v for k, v in self.default.items() if k in search_space}
        fits = Cube({k: search_space[k] for k in default}).holds(default)
        if fits and self._starts(others, trial):  # the others are what the default leaves open
            params |= default
        return params

    def sample_independent(
        self,
        study: Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """A parameter that no trial has asked for before, or had in another range."""
        _refuse_many_objectives(study)
        cube = Cube({param_name: param_distribution})
        value = self.default.get(param_name)
        if cube.holds(self.default) and self._starts(_others(study, trial), trial):
            return value
        rng = self._random(trial.number, *param_name.encode())
        return cube.params(self._around(cube, rng.random(1)))[param_name]

    # ---- proposals -------------------------------------------------------------------------------

    def _random(self, *words: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, *words])

    def _starts(self, others: list[FrozenTrial], trial: FrozenTrial) -> bool:
        """Whether the default is still to be tried, and no trial before this one will do so."""
        if not self.default or not self._is_default(trial):
            return False
        return not any(
            self._is_default(other)
            if other.params.keys() & self.default.keys()
            else other.state is TrialState.RUNNING and other.number < trial.number
            for other in others
        )

    def _is_default(self, trial: FrozenTrial) -> bool:
        return all(self.default.get(name, value) == value for name, value in trial.params.items())

    def _next(
        self, study: Study, cube: Cube, others: list[FrozenTrial], number: int
    ) -> dict[str, Any]:
        """The settings of a trial with this number."""
        tried = np.array([cube.point(t.params) for t in others if t.params])
        curves = read(study, others)
        if len(curves.known) < (SPREAD if self.default else together(len(cube))):
            point = self._spread(cube, tried, number)
        else:
            best = cube.point(curves.best().trial.params)
            points = self._candidates(cube, tried, best, number)
            gain = promise(cube, points, curves, [t.params for t in others if _untold(t)])
            if self.default:
                z = (points - cube.point(self.default))[:, ~cube.categorical] / WIDTH
                gain -= FADE / len(curves.known) * 0.5 * (z**2).sum(1)
            point = points[int(gain.argmax())]
        early = number < 2 * (len(cube) + 1)
        return self._on_grid(cube, tried, point) if early else cube.params(point)

    def _around(self, cube: Cube, uniform: Array) -> Array:
        """Uniform numbers [..., parameters] as the prior spreads them."""
        if not self.default:
            return uniform
        middle = cube.point(self.default)
        low, high = ndtr((0 - middle) / WIDTH), ndtr((1 - middle) / WIDTH)
        near = np.clip(middle + WIDTH * ndtri(low + uniform * (high - low)), 0, 1)
        return np.where(cube.categorical, uniform, near)

    def _spread(self, cube: Cube, tried: Array, number: int) -> Array:
        """The point of a scrambled Sobol sequence that is a trial's: the first two lie on either
        side of the default, which is trial 0's. Where it was tried, one of those that follow."""
        sobol = qmc.Sobol(len(cube), scramble=True, rng=self._random())
        if number > bool(self.default):
            sobol.fast_forward(number - bool(self.default))
        points = self._around(cube, sobol.random(AHEAD))
        new = _distance(cube.settle(points), tried) > 1e-9
        return np.asarray(points[new.argmax()])

    def _candidates(self, cube: Cube, tried: Array, best: Array, number: int) -> Array:
        """Points that settings can have: anywhere, around the default, and near the best one; none
        of them close to one that was tried."""
        rng, d = self._random(number), len(cube)
        step = np.repeat(STEPS, NEAR // len(STEPS))[:, None]
        near = np.clip(best + step * rng.standard_normal((NEAR, d)), 0, 1)
        other = rng.random((NEAR, d))
        kept = np.where(rng.random((NEAR, d)) < 0.8, best, other)
        near = np.where(cube.categorical, kept, near)
        anywhere = rng.random((ANYWHERE, d))
        points = cube.settle(
            np.vstack([anywhere, self._around(cube, rng.random((AROUND, d))), near])
        )
        new = _distance(cube.settle(points), tried) > 1e-9  # rounded once more, as settings are
        for apart in (APART, 1e-9):
            far = new & (_distance(points, tried) > apart)
            if far.any():
                return points[far]
        return points

    def _on_grid(self, cube: Cube, tried: Array, point: Array) -> dict[str, Any]:
        """The settings of the grid that are nearest to a point, and new; what they leave open, and
        all if there are none, as the point has it."""
        params = cube.params(point)
        fitting = [cube.fitting(settings) for settings in self.grid]
        grid = [params | settings for settings in fitting if settings]
        points = np.array([cube.point(settings) for settings in grid]).reshape(-1, len(cube))
        far = np.where(_distance(points, tried) > 1e-9, ((points - point) ** 2).sum(1), np.inf)
        return grid[int(far.argmin())] if np.isfinite(far).any() else params


def together(parameters: int) -> int:
    """Trials of a fresh study that best start together: FoldsPruner soon ends the worse of them,
    so that a choice of several costs little more than one."""
    return 2 + parameters


def _lasts(distribution: BaseDistribution) -> bool:
    """Whether a storage gives it back as it was: of choices, JSON makes lists of tuples."""
    choices = getattr(distribution, "choices", ())
    return all(choice is None or isinstance(choice, bool | int | float | str) for choice in choices)


def _others(study: Study, trial: FrozenTrial) -> list[FrozenTrial]:
    trials = study.get_trials(deepcopy=False)
    return [_with_proposed(t) for t in trials if t.number != trial.number]


def _with_proposed(trial: FrozenTrial) -> FrozenTrial:
    """A trial that is about to ask for its settings, as if it had done so."""
    proposed = trial.system_attrs.get(PROPOSED)
    if trial.params or trial.state is not TrialState.RUNNING or not isinstance(proposed, dict):
        return trial
    trial = copy.copy(trial)
    trial.params = proposed
    return trial


def _untold(trial: FrozenTrial) -> bool:
    """Whether a trial is under way, and nothing is known of it."""
    return bool(
        trial.state is TrialState.RUNNING and trial.params and not trial.intermediate_values
    )


def _distance(points: Array, tried: Array) -> Array:
    """Of each point to the nearest that was tried: the largest difference of a parameter."""
    if not len(tried) or not len(points):
        return np.full(len(points), np.inf)
    return np.asarray(np.abs(points[:, None] - tried[None]).max(-1).min(1))


def _refuse_many_objectives(study: Study) -> None:
    if len(study.directions) > 1:
        raise ValueError("AutoSampler takes a study of one objective: choose another sampler")
