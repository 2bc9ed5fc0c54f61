"""What a verdict claims of itself: how often it names a winner, and how many values it takes."""

from __future__ import annotations

from collections.abc import Sequence

from vrtune.comparing.evidence import Difference
from vrtune.comparing.rates import found_rate, needed
from vrtune.config import Task

ENOUGH = 0.8  # of the cases in which a better method should be found


def units(task: Task, known: Sequence[Difference]) -> str:
    """What the values are, and how many."""
    n = min(d.n for d in known)
    if known[0].kind == "seeds":
        return f"{n} seeds"
    if task.holdout:
        return f"{n} fresh starts on one split"
    repeats = min(d.repeats for d in known)
    return f"{n} folds" + (f", each of {repeats} fresh starts" if repeats > 1 else "")


def claim(task: Task, known: Sequence[Difference], alpha: float) -> str:
    """The rates, as they follow from the number of methods and of values."""
    kind, methods = known[0].kind, len({label for d in known for label in (d.first, d.second)})
    n = min(d.n for d in known)
    seeds = kind == "seeds"

    def correlation(values: int) -> float:
        return 0.0 if seeds else task.holdout or 1 / values

    rate = found_rate(methods, n, correlation(n), alpha=alpha)
    others = "every other" if methods > 2 else "the other"
    said = (
        f"among {'two' if methods == 2 else methods} equal methods a winner is named in at most "
        f"{100 * alpha:g} % of comparisons; one that is 2 sd of the paired differences better than "
        f"{others}, in {_percent(rate)} ({units(task, known)})"
    )
    if rate < ENOUGH:
        unit = "seeds" if seeds else "fresh starts" if task.holdout else "folds"
        more = needed(methods, correlation, rate=ENOUGH, alpha=alpha)
        enough = f"{100 * ENOUGH:g} %"
        said += (
            f"; it takes {more} {unit} to find it in {enough}"
            if more
            else f"; no number of {unit} finds it in {enough}"
        )
    if not seeds and any(d.repeats == 0 for d in known):
        said += "; settings were chosen by these values, and for such the rates do not hold"
    return said


def _percent(rate: float) -> str:
    return "less than 1 %" if rate < 0.01 else f"{100 * rate:.0f} %"
