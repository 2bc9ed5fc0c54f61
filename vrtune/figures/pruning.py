"""What pruning saved: gradient computations that were spent, and those that were not."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.figures.bars import Part, headed, stacked
from vrtune.figures.panel import Panel
from vrtune.figures.style import cost_axis

STATES = ("complete", "pruned", "diverged", "failed")
PARTS = (
    Part("complete"),
    Part("pruned", 0.62),
    Part("diverged", 0.42, "x"),
    Part("failed", 0.42, "."),
    Part("saved by pruning", 0.16, "/"),
)


@dataclass(frozen=True)
class Spent:
    """Of a method, by the state of its trials; those that were interrupted count as failed."""

    study: str
    label: str
    spent: Mapping[str, float]
    trials: Mapping[str, int]
    saved: float | None  # None: no complete trial says what the pruned ones would have cost

    @property
    def share(self) -> float | None:
        """What was saved of what the same trials would have cost without pruning."""
        whole = sum(self.spent.values()) + (self.saved or 0.0)
        return self.saved / whole if self.saved is not None and whole else None


def compute(tuned: Sequence[Tuned]) -> list[Spent] | None:
    """None where nothing was pruned.

    Args:
        tuned: studies, a method each.

    Returns:
        What the trials of each spent. A pruned one would have gone on to cost as many times what
        it had as the complete trials of its study did, in the middle, from that epoch on.
    """
    found = [_spent(each) for each in tuned]
    return found if any(each.trials["pruned"] for each in found) else None


def draw(data: Sequence[Spent]) -> list[Panel]:
    """A bar a method: what its trials spent and, pale, what pruning saved."""
    rows = [[*(each.spent[state] for state in STATES), each.saved or 0.0] for each in data]
    heads = [headed(each.label, _said(each)) for each in data]
    figure = stacked(PARTS, rows, heads, "gradient computations", "{:,.0f}".format)
    figure.update_xaxes(**cost_axis())
    how = (
        "A bar is what all trials of a method spent, by how they ended; the pale, hatched part is "
        "what pruned trials would have cost on top, had they run as long as complete ones. "
        "Percents are of the whole bar."
    )
    return [
        Panel(
            "pruning",
            "What pruning saved",
            how,
            figure,
            ("study", "method", "state", "trials", "gradient_computations"),
            [
                row
                for each in data
                for row in [
                    *(
                        (each.study, each.label, state, each.trials[state], each.spent[state])
                        for state in STATES
                    ),
                    (each.study, each.label, "saved", each.trials["pruned"], each.saved),
                ]
            ],
        )
    ]


def _spent(tuned: Tuned) -> Spent:
    spent, trials = dict.fromkeys(STATES, 0.0), dict.fromkeys(STATES, 0)
    for trial in tuned.trials:
        state = "failed" if trial.state == "interrupted" else trial.state
        if state in spent:
            spent[state] += max(0.0, trial.spent)
            trials[state] += 1
    pruned = [trial for trial in tuned.trials if trial.state == "pruned"]
    rest = {epoch: _rest(epoch, tuned.complete) for epoch in {t.epochs for t in pruned}}
    saved = [None if (r := rest[t.epochs]) is None else t.spent * r for t in pruned]
    known = [cost for cost in saved if cost is not None]
    return Spent(
        tuned.study, tuned.label, spent, trials, sum(known) if len(known) == len(saved) else None
    )


def _rest(epoch: int, complete: Sequence[Tried]) -> float | None:
    """What a trial costs from an epoch on, as a multiple of what it had cost by then."""
    found = [
        trial.spent / by_then
        for trial in complete
        if (by_then := _by(trial, epoch)) and trial.spent >= by_then
    ]
    return statistics.median(found) - 1 if found else None


def _by(trial: Tried, epoch: int) -> float | None:
    """What a trial had spent after an epoch; on a straight line between those it was judged at."""
    known = [(0, 0.0), *sorted(trial.costs.items())]
    for (e0, c0), (e1, c1) in pairwise(known):
        if e0 < epoch <= e1:
            return c0 + (c1 - c0) * (epoch - e0) / (e1 - e0)
    return None


def _said(each: Spent) -> str:
    if each.share is None:
        return "no complete trial says what was saved"
    return f"{each.share:.0%} saved" if each.trials["pruned"] else "nothing was pruned"
