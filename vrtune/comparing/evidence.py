"""How surely one method differs from another: paired differences of every pair, in four ways.

Studies of one task, data and seed see the same folds, weights and orders of batches, and so do the
seeds of their retrainings. Their values pair: what is common to both falls out of the difference.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import combinations
from typing import Literal, get_args

from vrtune.comparing.paired import holm, paired, turned
from vrtune.comparing.reasons import Reason, faults, lacking
from vrtune.comparing.tasks import unlike
from vrtune.comparing.tried import Tried
from vrtune.comparing.tunability import best_at, equal_spent, equal_trials
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings, Task
from vrtune.display.measures import Direction, cost

Kind = Literal["folds", "seeds", "equal trials", "equal gradient computations"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SEARCHED = "by the values that the choice was made by, which are too good"


class Difference(Settings):
    """Of two methods in one way of comparing them: first minus second."""

    first: str  # labels
    second: str
    kind: Kind
    measure: str  # validation loss, test accuracy, ...
    direction: Direction  # which values of it are better: minimize, those that are less
    n: int = 0  # paired values
    repeats: int = 0  # fresh starts that were judged; 0: what the search itself saw
    mean: float | None = None
    low: float | None = None  # ends of the 95 % interval
    high: float | None = None
    p: float | None = None  # two-sided
    p_holm: float | None = None  # corrected for all pairs of this kind
    first_better: float | None = None  # posterior probabilities, of validation alone
    equal: float | None = None
    second_better: float | None = None
    reasons: tuple[Reason, ...] = ()  # why nothing can be said, or what to bear in mind

    @property
    def note(self) -> str:
        """The reasons in words."""
        return "; ".join(map(str, self.reasons))


@dataclass(frozen=True)
class _Values:
    """What two methods came to, pair by pair; of unequal or no length where `why` says so."""

    first: Sequence[float | None] = ()
    second: Sequence[float | None] = ()
    correlation: float = 0.0
    repeats: int = 0
    reasons: tuple[Reason, ...] = ()  # to bear in mind
    why: tuple[Reason, ...] = ()  # nothing can be said


def differences(
    tuned: Sequence[Tuned], *, alpha: float = 0.05, rope: float = 0.01
) -> list[Difference]:
    """Compares every pair of methods: by fold and by seed, at equal trials and at equal cost.

    - "folds", validation loss, or what else is tuned: the two choices, fold by fold. Where both
      were judged again on fresh starts, only these repeats count: the values that the search saw
      are too good, the choice was made by them. The folds are the same in every repeat, so each
      fold's value is the mean over the repeats that both have, and n is the number of folds.
      (Taking folds times repeats for n values, as with folds that are drawn anew, finds differences
      among equals in up to 18 % of cases in place of 5: where a fold says the same each time, such
      as of a convex model.) Of a share held out once the values are the repeats: they speak of that
      split alone.
    - "seeds", test accuracy, or another score: the retrainings of the two choices, seed by seed.
      They speak of other weights and batches, not of other test data.
    - "equal trials": the choices that all would have made after the same number of trials, the
      fewest that a study has, by the folds of the search.
    - "equal gradient computations": the same after as much work, the least that a study spent.

    Folds are put to the correlated t-test, rho the share of the data that a fold is judged on;
    seeds to the paired t-test. P values are corrected by Holm over all pairs of a kind.

    Args:
        tuned: the methods, each with a label of its own.
        alpha: intervals hold 1 - alpha.
        rope: values that differ by less than this share of the better are practically equal.

    Returns:
        Of each kind every pair, in the order of the methods. Where nothing can be said its numbers
        are None, and `reasons` say why.
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
    by, of_folds = first.measure, kind != "seeds"
    direction: Direction = by.direction if of_folds else by.score_direction
    who = {"first": first.label, "second": second.label, "kind": kind, "direction": direction}
    who["measure"] = by.value if of_folds else f"test {by.score}"
    differing = unlike(first, second)
    unpaired = (Reason(what=f"not paired: {differing}"),)
    values = _Values(why=unpaired) if differing else way(first, second)
    unit = "seeds" if kind == "seeds" else "folds" if first.task.parts > 1 else "trainings"
    why = values.why or faults([(first, values.first), (second, values.second)], unit)
    if why:
        return Difference.model_validate({**who, "reasons": why})
    one, other = ([cost(v, direction) for v in _known(vs)] for vs in (values.first, values.second))
    width = rope if of_folds else None
    test = paired(one, other, correlation=values.correlation, rope=width, alpha=alpha)
    known = asdict(test if direction == "minimize" else turned(test))
    told = (Reason(what=note),) if (note := known.pop("note")) else ()
    known |= {"n": len(one), "repeats": values.repeats, "reasons": (*told, *values.reasons)}
    return Difference.model_validate({**who, **known})


# ---- the values ----------------------------------------------------------------------------------


def _by_fold(first: Tuned, second: Tuned) -> _Values:
    """The choices of both, on fresh starts where both have them."""
    if first.choice is None or second.choice is None:
        return _Values(why=lacking([first, second], lambda t: t.choice, "has no complete trial"))
    if not (first.confirmed and second.confirmed):
        again = lacking([first, second], lambda t: t.confirmed, "was not judged on fresh starts")
        searched = (Reason(what=SEARCHED), *again)
        return _searched(first, first.choice, second.choice, searched)
    one, other = first.confirmed.judged, second.confirmed.judged
    repeats = min(len(one), len(other))
    one, other, parts = one[:repeats], other[:repeats], first.task.parts
    if any(len(row) != parts for row in (*one, *other)):
        return _Values(why=(Reason(what=f"a repeat is not of {_folds(first.task)}"),))
    if parts == 1:
        one, other = ([[row[0] for row in rows]] for rows in (one, other))
    return _Values(
        first=[_mean(column) for column in zip(*one, strict=True)],
        second=[_mean(column) for column in zip(*other, strict=True)],
        correlation=_correlation(first.task),
        repeats=repeats,
        reasons=(Reason(what="of one split"),) if parts == 1 else (),
    )


def _by_seed(first: Tuned, second: Tuned) -> _Values:
    """The retrainings of both choices."""
    if first.again is None or second.again is None:
        return _Values(why=lacking([first, second], lambda t: t.again, "was not trained again"))
    asked = first.again.asked_epochs, second.again.asked_epochs
    lengths = [
        again.asked_epochs or max(map(len, again.train_losses), default=first.task.epochs)
        for again in (first.again, second.again)
    ]
    if any(asked) and lengths[0] != lengths[1]:  # else early stopping, a part of the method
        told = f"was trained again for {lengths[0]} epochs, {second.label} for {lengths[1]}"
        return _Values(why=(Reason(who=first.label, what=told),))
    scores = first.again.test_score, second.again.test_score
    one, other = (score.values if score else [] for score in scores)
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
        return _Values(why=lacking(both, lambda t: None, f"has no complete trial after {what}"))
    return _searched(first, one, other, (Reason(what=f"after {what} of each", budget=True),))


def _searched(of: Tuned, first: Tried, second: Tried, reasons: tuple[Reason, ...]) -> _Values:
    """What the search saw of two trials."""
    one, other, task = first.folds, second.folds, of.task
    if {len(one), len(other)} != {task.parts}:
        unlike_folds = f"the {of.measure.values} that are kept are not of {_folds(task)}"
        return _Values(why=(Reason(what=unlike_folds),))
    return _Values(one, other, correlation=_correlation(task), reasons=reasons)


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
