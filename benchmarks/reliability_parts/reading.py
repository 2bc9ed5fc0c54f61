"""Reads a study with Optuna alone, and counts what came of its trials."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from optuna.trial import FrozenTrial, TrialState

Point = str  # the parameters of a trial, as JSON
Curve = dict[int, list[Any]]  # by epoch: the mean, and each fold's value

OPEN = (TrialState.RUNNING, TrialState.WAITING)
ENDED = (TrialState.COMPLETE, TrialState.PRUNED)


@dataclass(frozen=True)
class Counts:
    """What is to be 0 or `equal`, and what it took."""

    points: int  # settings that were to be trained once
    cut_off: int  # trials
    lost: int  # that had ended and are gone or changed, or settings that never ended
    stuck: int  # still running or waiting, though nobody trains any more
    doubled: int  # settings that ended twice, or failed, with no mark that says why
    epochs: int  # that were trained, as far as they were reported
    again: int  # of these, those that a trial before had reported already
    most: int  # of one trial's
    anew: int  # trials cut off after a whole interval whose successor began at epoch 1
    unlike: int  # trials whose values differ from those of the unbroken run, in any bit

    def record(self) -> dict[str, int]:
        """As plain data."""
        return asdict(self)


def point(params: Mapping[str, Any]) -> Point:
    """What tells a setting from another."""
    return json.dumps(dict(params), sort_keys=True)


def asked(trial: FrozenTrial) -> Point:
    """The setting of a trial, which may have been cut off before it had asked for it."""
    return point({**trial.system_attrs.get("fixed_params", {}), **trial.params})


def curve(trial: FrozenTrial) -> Curve:
    """What a trial reported. What its folds said is kept beside, and is written first."""
    folds = trial.system_attrs
    return {
        epoch: [value, folds.get(f"folds:{epoch}")]
        for epoch, value in trial.intermediate_values.items()
    }


def ended(trials: Iterable[FrozenTrial]) -> dict[int, str]:
    """The trials that have ended, by number, with all that they came to."""
    return {
        trial.number: f"{trial.state.name} {trial.value!r} {sorted(trial.params.items())} "
        f"{sorted(curve(trial).items())}"
        for trial in trials
        if trial.state in ENDED
    }


def finished(trials: Sequence[FrozenTrial], points: Sequence[Mapping[str, Any]]) -> bool:
    """Whether nothing is left to be done."""
    done = {asked(trial) for trial in trials if trial.state in ENDED}
    return all(trial.state not in OPEN for trial in trials) and done >= {*map(point, points)}


def count(
    trials: Sequence[FrozenTrial],
    points: Sequence[Mapping[str, Any]],
    seen: Mapping[int, str],
    unbroken: Mapping[Point, Curve],
    every: int | None,
) -> Counts:
    """What came of a study.

    Args:
        trials: all of them.
        points: the settings that were to be trained once.
        seen: the trials that were seen to have ended while faults were caused.
        unbroken: the curve of each setting in a run without faults.
        every: epochs between two checkpoints.
    """
    now = ended(trials)
    times = Counter(asked(trial) for trial in trials if trial.state in ENDED)
    cut = [trial for trial in trials if trial.user_attrs.get("cut off") is True]
    marks = Counter(trial.user_attrs["again"] for trial in trials if "again" in trial.user_attrs)
    failed = [t for t in trials if t.state is TrialState.FAIL and "cut off" not in t.user_attrs]
    before = {trial.number: _before(trial, trials) for trial in trials}
    again = [max(0, min(before[t.number], last(t)) - continued(t)) for t in trials]
    anew = [t for t in trials if last(t) and not continued(t) and before[t.number] > (every or 0)]
    return Counts(
        points=len(points),
        cut_off=len(cut),
        lost=sum(now.get(number) != was for number, was in seen.items())
        + sum(not times[point(params)] for params in points),
        stuck=sum(trial.state in OPEN for trial in trials),
        doubled=sum(n - 1 for n in times.values())
        + sum(n - 1 for n in marks.values())
        + len(failed),
        epochs=sum(max(0, last(trial) - continued(trial)) for trial in trials),
        again=sum(again),
        most=max(again, default=0),
        anew=len(anew),
        unlike=sum(not _as_unbroken(trial, unbroken) for trial in trials),
    )


def last(trial: FrozenTrial) -> int:
    """The last epoch that a trial reported."""
    return max(trial.intermediate_values, default=0)


def continued(trial: FrozenTrial) -> int:
    """The epoch that a trial went on from; 0 for one that began anew."""
    return int(trial.user_attrs.get("continued", 0))


def _before(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """The last epoch that those reported which a trial repeats."""
    found = 0
    while (number := trial.user_attrs.get("again")) is not None:
        trial = trials[number]
        found = max(found, last(trial))
    return found


def _as_unbroken(trial: FrozenTrial, unbroken: Mapping[Point, Curve]) -> bool:
    """Whether a trial's values are those of the unbroken run, as far as it came; to its end, if it
    is complete."""
    whole, own = unbroken.get(asked(trial), {}), curve(trial)
    if trial.state is TrialState.COMPLETE and own.keys() != whole.keys():
        return False
    return all(whole.get(epoch) == values for epoch, values in own.items())
