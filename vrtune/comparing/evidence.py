"""How surely one method differs from another: paired differences of every pair, in four ways.

Studies of one task, data and seed see the same folds, weights and orders of batches, and so do the
seeds of their retrainings. Their values pair: what is common to both falls out of the difference.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from typing import Literal, get_args

from vrtune.comparing.paired import holm, paired
from vrtune.comparing.tasks import unlike
from vrtune.comparing.tried import Tried
from vrtune.comparing.tunability import best_at, equal_spent, equal_trials
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings, Task
from vrtune.display.figures import safe

Kind = Literal["folds", "seeds", "equal trials", "equal gradient computations"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Measure = Literal["validation loss", "test accuracy"]

SEARCHED = "by the values that the choice was made by, which are too good"


class Difference(Settings):
    """Of two methods in one way of comparing them: first minus second."""

    first: str  # labels
    second: str
    kind: Kind
    measure: Measure  # a loss (less is better) or an accuracy (more is)
    n: int = 0  # paired values
    repeats: int = 0  # fresh starts that were judged; 0: what the search itself saw
    mean: float | None = None
    low: float | None = None  # ends of the 95 % interval
    high: float | None = None
    p: float | None = None  # two-sided
    p_holm: float | None = None  # corrected for all pairs of this kind
    first_better: float | None = None  # posterior probabilities, of losses alone
    equal: float | None = None
    second_better: float | None = None
    note: str = ""  # why nothing can be said, or what to bear in mind


@dataclass(frozen=True)
class _Values:
    """What two methods came to, pair by pair; of unequal or no length where `why` says so."""

    first: Sequence[float | None] = ()
    second: Sequence[float | None] = ()
    correlation: float = 0.0
    repeats: int = 0
    note: str = ""
    why: str = ""


def differences(
    tuned: Sequence[Tuned], *, alpha: float = 0.05, rope: float = 0.01
) -> list[Difference]:
    """Compares every pair of methods: by fold and by seed, at equal trials and at equal cost.

    - "folds", validation loss: the two choices, fold by fold. Where both were judged again on fresh
      starts, only these repeats count: the losses that the search saw are too good, the choice was
      made by them. The folds are the same in every repeat, so each fold's loss is the mean over
      the repeats that both have, and n is the number of folds. (Taking folds times repeats for n
      values, as with folds that are drawn anew, finds differences among equals in up to 18 % of
      cases in place of 5: where a fold says the same each time, such as of a convex model.) Of a
      share held out once the values are the repeats: they speak of that split alone.
    - "seeds", test accuracy: the retrainings of the two choices, seed by seed. They speak of other
      weights and batches, not of other test data.
    - "equal trials": the choices that all would have made after the same number of trials, the
      fewest that a study has, by the folds of the search.
    - "equal gradient computations": the same after as much work, the least that a study spent.

    Losses are put to the correlated t-test, rho the share of the data that a fold is judged on;
    accuracies to the paired t-test. P values are corrected by Holm over all pairs of a kind.

    Args:
        tuned: the methods, each with a label of its own.
        alpha: intervals hold 1 - alpha.
        rope: losses that differ by less than this share of the better are practically equal.

    Returns:
        Of each kind every pair, in the order of the methods. Where nothing can be said its numbers
        are None, and `note` says why.
    """
    ways: dict[Kind, Callable[[Tuned, Tuned], _Values]] = {
        "folds": _by_fold,
        "seeds": _by_seed,
        "equal trials": partial(_at_equal, trials=equal_trials(tuned)),
        "equal gradient computations": partial(_at_equal, spent=equal_spent(tuned)),
    }
    found = []
    for kind, way in ways.items():
        pairs = [_compared(kind, way, *pair, alpha, rope) for pair in combinations(tuned, 2)]
        corrected = iter(holm([each.p for each in pairs if each.p is not None]))
        found += [
            each if each.p is None else each.model_copy(update={"p_holm": next(corrected)})
            for each in pairs
        ]
    return found


def _compared(
    kind: Kind,
    way: Callable[[Tuned, Tuned], _Values],
    first: Tuned,
    second: Tuned,
    alpha: float,
    rope: float,
) -> Difference:
    """One pair in one way."""
    loss = kind != "seeds"
    who = {"first": first.label, "second": second.label, "kind": kind}
    who["measure"] = "validation loss" if loss else "test accuracy"
    differing = unlike(first, second)
    values = _Values(why=f"not paired: {differing}") if differing else way(first, second)
    unit = "seeds" if kind == "seeds" else "folds" if first.task.parts > 1 else "trainings"
    why = values.why or _faults([(first, values.first), (second, values.second)], unit)
    if why:
        return Difference.model_validate({**who, "note": why})
    one, other = _known(values.first), _known(values.second)
    width = rope if loss else None
    test = paired(one, other, correlation=values.correlation, rope=width, alpha=alpha)
    note = "; ".join(filter(None, (test.note, values.note)))
    known = {**asdict(test), "n": len(one), "repeats": values.repeats, "note": note}
    return Difference.model_validate({**who, **known})


# ---- the values ----------------------------------------------------------------------------------


def _by_fold(first: Tuned, second: Tuned) -> _Values:
    """The choices of both, on fresh starts where both have them."""
    if first.choice is None or second.choice is None:
        return _Values(why=_lacking([first, second], lambda t: t.choice, "has no complete trial"))
    if not (first.confirmed and second.confirmed):
        again = _lacking([first, second], lambda t: t.confirmed, "was not judged on fresh starts")
        return _searched(first.task, first.choice, second.choice, f"{SEARCHED}: {again}")
    one, other = first.confirmed.losses, second.confirmed.losses
    repeats = min(len(one), len(other))
    one, other, parts = one[:repeats], other[:repeats], first.task.parts
    if any(len(row) != parts for row in (*one, *other)):
        return _Values(why=f"a repeat is not of {_folds(first.task)}")
    if parts == 1:
        one, other = ([[row[0] for row in rows]] for rows in (one, other))
    return _Values(
        first=[_mean(column) for column in zip(*one, strict=True)],
        second=[_mean(column) for column in zip(*other, strict=True)],
        correlation=_correlation(first.task),
        repeats=repeats,
        note="of one split" if parts == 1 else "",
    )


def _by_seed(first: Tuned, second: Tuned) -> _Values:
    """The retrainings of both choices."""
    if first.again is None or second.again is None:
        return _Values(why=_lacking([first, second], lambda t: t.again, "was not trained again"))
    one, other = first.again.test_accuracy.values, second.again.test_accuracy.values
    seeds = min(len(one), len(other))
    return _Values(one[:seeds], other[:seeds])


def _at_equal(
    first: Tuned, second: Tuned, *, trials: int | None = None, spent: float | None = None
) -> _Values:
    """The choices that both would have made after the same."""
    one, other = (best_at(each, trials=trials, spent=spent) for each in (first, second))
    what = f"{trials} trials" if spent is None else f"{spent:,.0f} gradient computations"
    if one is None or other is None:
        both = [each for each, best in ((first, one), (second, other)) if best is None]
        return _Values(why=_lacking(both, lambda t: None, f"has no complete trial after {what}"))
    return _searched(first.task, one, other, f"after {what} of each")


def _searched(task: Task, first: Tried, second: Tried, note: str) -> _Values:
    """What the search saw of two trials."""
    one, other = first.folds, second.folds
    if {len(one), len(other)} != {task.parts}:
        return _Values(why=f"the losses that are kept are not of {_folds(task)}")
    return _Values(one, other, correlation=_correlation(task), note=note)


def _correlation(task: Task) -> float:
    """The share of the data that a fold is judged on."""
    return task.holdout or 1 / task.folds


def _known(values: Sequence[float | None]) -> list[float]:
    return [v for v in values if v is not None]


def _folds(task: Task) -> str:
    return "the part held out" if task.holdout else f"{task.folds} folds"


def _mean(column: Iterable[float | None]) -> float | None:
    all_of = list(column)
    known = _known(all_of)
    return statistics.fmean(known) if len(known) == len(all_of) else None


# ---- why not -------------------------------------------------------------------------------------


def _lacking(tuned: Sequence[Tuned], of: Callable[[Tuned], object], what: str) -> str:
    """Who lacks something."""
    names = [safe(each.label) for each in tuned if of(each) is None]
    return " and ".join(f"{name} {what}" for name in names)


def _faults(sides: Sequence[tuple[Tuned, Sequence[float | None]]], unit: str) -> str:
    """Who diverged where, or has nothing to compare."""
    said = []
    for tuned, values in sides:
        lost = sum(v is None or not math.isfinite(v) for v in values)
        if not values:
            said.append(f"{safe(tuned.label)} has no values")
        elif lost:
            said.append(f"{safe(tuned.label)} diverged in {lost} of {len(values)} {unit}")
    return " and ".join(said)
