"""What a study knows of its trials: values by fold and epoch, and where each is likely to end."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna import Study
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

Array = NDArray[np.float64]

FOLDS = "folds:"  # with an epoch behind it: the system attribute with each fold's value
BEYOND = 1.0  # how far above all others a diverged trial stands
LEADERS = 3  # complete trials, the best, whose further fall is expected of others


@dataclass(frozen=True)
class Curve:
    """A trial's values on the scale of its study, where lower is better: logs of positive losses,
    of which .1 is about 10 %."""

    trial: FrozenTrial
    means: dict[int, float]  # by epoch (Optuna's step), in the order of epochs
    folds: dict[int, Array]  # the same by fold; the mean alone where folds were not reported
    final: float | None  # where it ended, if it is complete
    diverged: bool

    @property
    def last(self) -> int:
        """The last epoch that was reported; 0 if none was."""
        return max(self.means, default=0)


@dataclass(frozen=True)
class Curves:
    """All trials of a study that reported or ended."""

    known: list[Curve]
    epochs: int  # of a complete trial, as far as one is known; else the most that one has seen
    log: bool = True  # whether the scale is that of logs; else values may come in few steps

    @cached_property
    def leaders(self) -> list[Curve]:
        """The best complete trials, the best first."""
        done = [curve for curve in self.known if curve.final is not None]
        return sorted(done, key=lambda c: (c.final, c.trial.number))[:LEADERS]

    def best(self) -> Curve:
        """The trial with the best expected end."""
        return min(self.known, key=lambda c: (self.expected(c), c.trial.number))

    def expected(self, curve: Curve) -> float:
        """Where a trial ends, or would have: its last loss and what the best still fell from
        there."""
        last = curve.last
        if curve.final is not None or curve.diverged:
            return curve.means[last] if curve.final is None else curve.final
        falls = [
            leader.final - leader.means[last]
            for leader in self.leaders
            if leader.final is not None and last in leader.means
        ]
        return curve.means[last] + (float(np.median(falls)) if falls else 0.0)


def read(study: Study, trials: Iterable[FrozenTrial]) -> Curves:
    """The curves of the trials of a study; those that tell nothing are left out."""
    trials = [
        trial
        for trial in trials
        if trial.intermediate_values or (trial.values and trial.state is TrialState.COMPLETE)
    ]
    scale = _Scale(study, trials)
    known = [curve for curve in map(scale.curve, trials) if curve]
    lengths = [curve.last for curve in known if curve.final is not None] or [
        curve.last for curve in known
    ]
    return Curves(known, max(lengths, default=0), scale.log)


class _Scale:
    """Logs of losses that are positive, or of their negatives that are maximised. Of other
    objectives, multiples of their spread."""

    def __init__(self, study: Study, trials: Sequence[FrozenTrial]) -> None:
        self.sign = -1.0 if study.direction is StudyDirection.MAXIMIZE else 1.0
        values = np.array([v for trial in trials for v in _values(trial) if math.isfinite(v)])
        costs = self.sign * values
        self.log = len(costs) > 0 and bool((costs > 0).all())
        quarters = np.percentile(costs, [25, 75]) if len(costs) else np.zeros(2)
        self.unit = float(quarters[1] - quarters[0]) or 1.0
        self.worst = math.inf
        heights = self.heights(values)
        self.worst = float(heights.max(initial=0.0)) + BEYOND

    def heights(self, values: Sequence[float] | Array) -> Array:
        """Values on the scale; what is not finite stands above all."""
        array = np.asarray(values, dtype=float)
        with np.errstate(all="ignore"):
            scaled = np.log(self.sign * array) if self.log else self.sign * array / self.unit
        return np.where(np.isfinite(scaled), scaled, self.worst)

    def curve(self, trial: FrozenTrial) -> Curve | None:
        reported = dict(sorted(trial.intermediate_values.items()))
        complete = trial.state is TrialState.COMPLETE and trial.values
        diverged = bool(reported) and not math.isfinite(reported[max(reported)])
        if trial.state is TrialState.FAIL and not diverged:  # by no fault of its settings
            return None
        kept = [list(fold_losses(trial, e)) or [v] for e, v in reported.items()]
        each = self.heights([value for values in kept for value in values])
        ends = list(accumulate(len(values) for values in kept))
        rows = [each[end - len(values) : end] for values, end in zip(kept, ends, strict=True)]
        folds = dict(zip(reported, rows, strict=True))
        means = dict(zip(reported, map(float, self.heights(list(reported.values()))), strict=True))
        final = float(self.heights([trial.values[0]])[0]) if complete else None
        return Curve(trial, means, folds, final, diverged)


def fold_losses(trial: FrozenTrial, epoch: int) -> tuple[float, ...]:
    """The losses that a trial keeps of an epoch, one a fold; NaN where one was not finite, none if
    it keeps no such thing."""
    return tuple(_losses(trial.system_attrs.get(f"{FOLDS}{epoch}")))


def _losses(kept: Any) -> list[float]:
    """The losses that a trial keeps of an epoch; none if others wrote something else there."""
    known = isinstance(kept, list) and all(isinstance(v, int | float | None) for v in kept)
    try:
        return [math.nan if loss is None else float(loss) for loss in kept] if known else []
    except OverflowError:  # whole numbers that no float can hold
        return []


def _values(trial: FrozenTrial) -> Iterable[float]:
    yield from trial.intermediate_values.values()
    if trial.values:
        yield trial.values[0]
