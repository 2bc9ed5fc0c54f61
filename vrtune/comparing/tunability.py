"""What tuning a method brings for how much: the best value after so many trials, or work."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from itertools import accumulate
from typing import Literal

import numpy as np

from vrtune.comparing.expected import least_of, least_within
from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.measures import Direction, Measure

Over = Literal["trials", "gradient computations"]

ENDED = ("complete", "pruned", "diverged")
DRAWN = frozenset({"random", "qmc"})  # samplers whose trials do not depend on each other
POINTS = 100  # of a curve, at most
ROUNDING = 1e-9  # of a sum of costs

WITHOUT_CONFIRMING = "without the cost of confirming"
OVERLAP = "beyond half of the trials the band is too narrow: the samples that it is made of overlap"
EVEN = "qmc spreads its points more evenly than chance, so the band is rough"
ONE_DRAW = "one search is one draw: another would have gone another way"


class Budgeted(Settings):
    """The best value of a method by what was spent on it: a validation loss, or another metric."""

    label: str
    over: Over
    how: Literal["expected", "best so far"]
    x: list[float]
    mean: list[float | None]  # None where nothing may have been found yet
    low: list[float | None]  # 5 % quantile; the least of several searches; None of a single one
    high: list[float | None]
    studies: list[str]
    note: str
    measure: str  # validation loss, ...
    direction: Direction  # which values of it are better: minimize, those that are less


def tunability(tuned: Sequence[Tuned]) -> list[Budgeted]:
    """The best value of cross-validation after b trials, and within so many gradient computations.

    Where all trials were drawn at random or by QMC: what is to be expected of b such draws, with a
    90 % band of what they find (`expected.least_of`); over gradient computations the same over
    random orders of the trials, each at what it cost. Pruned and diverged trials are drawn and paid
    for, and never the best; the mean begins where no draw can consist of them alone.

    Samplers that learn make no such draws: their curve is the best so far, in the order in which
    the trials were tried. Searches of the same space and task with the same sampler, but other
    seeds, are repeats: the mean and the range over them, as far as all of them went.

    What was spent on confirming the choice is not in it.

    Args:
        tuned: the methods.

    Returns:
        Two curves of each method, over trials and over gradient computations; none of a method that
        completed no trial.
    """
    return [curve for group in _repeats(tuned) for curve in _curves(group)]


def ended(tuned: Tuned) -> list[Tried]:
    """The trials that count: those that trained until they were done, pruned or diverged, in the
    order of their numbers; none that was put in by hand."""
    return [trial for trial in tuned.trials if trial.state in ENDED and trial.spent > 0]


def equal_trials(tuned: Iterable[Tuned]) -> int:
    """The fewest trials that a study has ended; those without any are passed over."""
    return min(filter(None, (len(ended(each)) for each in tuned)), default=0)


def equal_spent(tuned: Iterable[Tuned]) -> float:
    """The least gradient computations that a study spent; those without trials are passed over."""
    return min((each.spent for each in tuned if ended(each)), default=0.0)


def best_at(tuned: Tuned, *, trials: int | None = None, spent: float | None = None) -> Tried | None:
    """The trial that would have been chosen earlier, by the values of the search.

    Args:
        tuned: the method.
        trials: after so many trials that ended, in the order in which they were tried.
        spent: within so many gradient computations, those of interrupted trials too.

    Returns:
        The best complete trial by then; None if there was none.
    """
    known = ended(tuned)
    if trials is not None:
        known = known[: max(trials, 0)]
    if spent is not None:
        costs = accumulate(trial.spent for trial in tuned.trials)
        within = {
            trial.number
            for trial, cost in zip(tuned.trials, costs, strict=True)
            if cost <= spent * (1 + ROUNDING)
        }
        known = [trial for trial in known if trial.number in within]
    complete = [trial for trial in known if math.isfinite(tuned.cost(trial))]
    return min(complete, key=lambda trial: (tuned.cost(trial), trial.number), default=None)


# ---- curves --------------------------------------------------------------------------------------


def _repeats(tuned: Sequence[Tuned]) -> list[list[Tuned]]:
    """The methods, each with its repeats: searches that differ by the seed of their task alone. Two
    of one seed are none."""
    groups: dict[Hashable, list[Tuned]] = defaultdict(list)
    for each in tuned:
        groups[_key(each)].append(each)
    out: list[list[Tuned]] = []
    for group in groups.values():
        seeds = Counter(each.task.seed for each in group)
        together = max(seeds.values()) == 1 and not _is_drawn(group[0])
        out += [group] if together else [[each] for each in group]
    return out


def _key(tuned: Tuned) -> Hashable:
    record = tuned.record
    own = tuple(record.objects.items())  # a user's own model, loss and metric, by what they hold
    task = tuple(tuned.task.model_dump(exclude={"seed", "dataset", *record.objects}).items())
    samplers = frozenset(trial.sampler for trial in ended(tuned))
    return record.space, record.space_fingerprint, record.fingerprint, task, own, samplers


def _is_drawn(tuned: Tuned) -> bool:
    return {trial.sampler for trial in ended(tuned)} <= DRAWN


def _curves(group: Sequence[Tuned]) -> list[Budgeted]:
    if not all(any(math.isfinite(each.cost(t)) for t in ended(each)) for each in group):
        return [curve for each in group for curve in _curves([each])] if len(group) > 1 else []
    if _is_drawn(group[0]):
        return _expected(group[0])
    return [_so_far(group, "trials"), _so_far(group, "gradient computations")]


def _expected(tuned: Tuned) -> list[Budgeted]:
    trials = ended(tuned)
    values, costs, n = [*map(tuned.cost, trials)], [t.spent for t in trials], len(trials)
    draws = sorted({round(b) for b in np.linspace(1, n, min(n, POINTS))})
    budgets = np.linspace(min(costs), sum(costs), POINTS).tolist()
    notes = [WITHOUT_CONFIRMING, OVERLAP]
    if any(trial.sampler == "qmc" for trial in trials):
        notes.append(EVEN)
    if lost := sum(map(math.isinf, values)):
        notes.append(f"{lost} of {n} trials were pruned or diverged: the mean begins where no draw")
        notes[-1] += " can consist of them alone"
    curves: dict[Over, tuple[Sequence[float], tuple[np.ndarray, np.ndarray, np.ndarray]]] = {
        "trials": (draws, least_of(values, draws)),
        "gradient computations": (budgets, least_within(values, costs, budgets)),
    }
    return [
        Budgeted(
            label=tuned.label,
            over=over,
            how="expected",
            x=[float(v) for v in x],
            **_range(tuned.measure, mean, low, high),
            studies=[tuned.study],
            note="; ".join(notes),
            measure=tuned.measure.value,
            direction=tuned.measure.direction,
        )
        for over, (x, (mean, low, high)) in curves.items()
    ]


def _so_far(group: Sequence[Tuned], over: Over) -> Budgeted:
    """The best until then, in the order of the trials; over gradient computations it steps down at
    the end of a trial."""
    x, curves = _steps([_walk(each, over) for each in group])
    several, first = len(group) > 1, group[0]
    unknown = np.full(len(x), math.inf)
    ends = (curves.min(axis=0), curves.max(axis=0)) if several else (unknown, unknown)
    how = f"mean and range of {len(group)} searches of other seeds" if several else ONE_DRAW
    return Budgeted(
        label=first.record.method if several else first.label,
        over=over,
        how="best so far",
        x=x,
        **_range(first.measure, curves.mean(axis=0), *ends),
        studies=[each.study for each in group],
        note=f"{how}; {WITHOUT_CONFIRMING}",
        measure=first.measure.value,
        direction=first.measure.direction,
    )


def _walk(tuned: Tuned, over: Over) -> tuple[list[float], list[float]]:
    """Where each trial ended, and the best by then."""
    trials = ended(tuned)
    best = list(accumulate(map(tuned.cost, trials), min))
    if over == "trials":
        return [float(i) for i in range(1, len(trials) + 1)], best
    return list(accumulate(trial.spent for trial in trials)), best


def _steps(walks: Sequence[tuple[list[float], list[float]]]) -> tuple[list[float], np.ndarray]:
    """All curves at the places where one of them steps, as far as all of them go."""
    end = min(ends[-1] for ends, _ in walks)
    x = sorted({at for ends, _ in walks for at in ends if at <= end < math.inf})
    curves = [
        np.array([math.inf, *best])[np.searchsorted(ends, x, side="right")] for ends, best in walks
    ]
    return x, np.array(curves)


def _range(
    measure: Measure, mean: np.ndarray, low: np.ndarray, high: np.ndarray
) -> dict[str, list[float | None]]:
    """What was found of costs, in values: where more is better the least cost is the most."""
    if measure.direction == "maximize":
        mean, low, high = -mean, -high, -low
    return {"mean": _known(mean), "low": _known(low), "high": _known(high)}


def _known(values: Iterable[float]) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]
