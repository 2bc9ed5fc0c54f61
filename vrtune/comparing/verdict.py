"""Which method won, in words: a winner, or none."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from vrtune.comparing.claims import claim, units
from vrtune.comparing.evidence import KINDS, Difference, Kind
from vrtune.comparing.tasks import unlike
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.figures import safe
from vrtune.display.measures import cost

BY: dict[Kind, str] = {
    "folds": "by fold",
    "seeds": "by seed",
    "equal trials": "at equal trials",
    "equal gradient computations": "at equal gradient computations",
}
REASONS = 2  # that a sentence gives
NAMED = 4  # methods that a sentence names, of those that can't be told apart


class Verdict(Settings):
    """Of one way of comparing methods."""

    kind: Kind
    winner: str | None  # better than every other
    best: str | None  # of the best mean; None where no two could be compared
    level: list[str]  # those that can't be told from the best
    worse: list[str]  # those that the best is better than
    left_out: list[str] = Field(default_factory=list)  # of other seeds or tasks
    sentence: str
    claim: str  # how often a winner is named among equals, and where one is 2 sd better


def verdicts(
    tuned: Sequence[Tuned], found: Sequence[Difference], alpha: float = 0.05
) -> list[Verdict]:
    """Says of each way of comparing whether a method won: only one that is better than every other,
    each by a p value below alpha after Holm's correction. Else there is no winner.

    Of studies of several seeds or tasks the largest group that can be paired is judged.

    Args:
        tuned: the methods.
        found: their differences.
        alpha: the level; among equals a winner is named in at most that share of comparisons.

    Returns:
        One of each kind; none for fewer than two methods.
    """
    if len(tuned) < 2:
        return []
    group = _group(tuned)
    return [_verdict(tuned, group, kind, found, alpha) for kind in KINDS]


def conclusion(verdicts: Sequence[Verdict]) -> str:
    """All in a sentence: the winner if folds and seeds agree, else what each of them says.

    Args:
        verdicts: of studies.
    Returns:
        Words without a full stop; that there is nothing to compare where there are no verdicts.
    """
    said = [each for each in verdicts if each.kind in ("folds", "seeds")]
    if not said:
        return "nothing to compare: it takes two studies"
    winners = {each.winner for each in said}
    winner = said[0].winner
    if len(winners) > 1:
        out = "no winner overall: " + "; ".join(each.sentence for each in said)
    elif winner is None:
        out = "no winner " + "; ".join(each.sentence.removeprefix("no winner ") for each in said)
    else:
        out = f"{safe(winner)} wins by fold and by seed: better than {_listed(said[0].worse)}"
    left_out = said[0].left_out
    return out + (f"; left out, of other seeds or tasks: {_listed(left_out)}" if left_out else "")


def _group(tuned: Sequence[Tuned]) -> list[Tuned]:
    """The most that can be paired with each other, the first of several such groups."""
    groups: list[list[Tuned]] = []
    for each in tuned:
        for group in groups:
            if not unlike(group[0], each):
                group.append(each)
                break
        else:
            groups.append([each])
    return max(groups, key=len, default=[])


# ---- one way -------------------------------------------------------------------------------------


def _verdict(
    tuned: Sequence[Tuned],
    group: Sequence[Tuned],
    kind: Kind,
    found: Sequence[Difference],
    alpha: float,
) -> Verdict:
    labels, task = [each.label for each in group], group[0].task
    own = [d for d in found if d.kind == kind and d.first in labels and d.second in labels]
    known = [d for d in own if d.p_holm is not None and d.mean is not None]
    best = _best(labels, known) if known else None
    level, worse, open_ = list[str](), list[str](), list[str]()
    for d in own if best is not None else ():
        if best in (d.first, d.second):
            to = open_ if d not in known else worse if _is_better(d, best, alpha) else level
            to.append(d.second if d.first == best else d.first)
    winner = None if level or open_ else best
    if best is None:
        said = f"no winner {BY[kind]}: {_nothing(own)}"
    elif winner is None:
        rest = _no_winner(best, level, worse, open_, units(task, known), own)
        said = f"no winner {BY[kind]}: {rest}"
    else:
        sure = f"{units(task, known)}, {_p(known, best)}"
        said = f"{safe(best)} wins {BY[kind]}: it is better than {_listed(worse)} ({sure})"
    return Verdict(
        kind=kind,
        winner=winner,
        best=best,
        level=level,
        worse=worse,
        left_out=[each.label for each in tuned if each.label not in labels],
        sentence=said,
        claim=claim(task, known, alpha) if known else "",
    )


def _nothing(own: Sequence[Difference]) -> str:
    """Why nothing can be compared."""
    if not own:
        return "no two studies are of one task and seed"
    notes = _reasons(own)
    more = "; and more" if len(notes) > REASONS else ""
    return f"nothing can be compared ({'; '.join(notes[:REASONS])}{more})"


def _reasons(own: Sequence[Difference]) -> list[str]:
    """Each once."""
    return list(dict.fromkeys(str(reason) for d in own for reason in d.reasons))


def _no_winner(
    best: str,
    level: Sequence[str],
    worse: Sequence[str],
    open_: Sequence[str],
    units: str,
    own: Sequence[Difference],
) -> str:
    """The best mean, and who can't be told from it, is worse, or can't be compared."""
    said = f"{safe(best)} has the best mean"
    said += f", and {_some(level)} can't be told from it" if level else ""
    said += f" ({units})"
    said += f"; {_some(worse)} {'are' if len(worse) > 1 else 'is'} worse" if worse else ""
    if open_:
        silent = [d for d in own if best in (d.first, d.second) and d.p_holm is None]
        why = "; ".join(_reasons(silent)[:REASONS])
        said += f"; {_listed(open_)} can't be compared with it ({why})"
    return said


def _best(labels: Sequence[str], known: Sequence[Difference]) -> str:
    """The one with the best mean: that has the greatest lead on those that it is compared with."""
    leads: dict[str, list[float]] = {label: [] for label in labels}
    for d in known:
        lead = _lead(d)
        leads[d.first].append(lead)
        leads[d.second].append(-lead)
    compared = [label for label in labels if leads[label]]
    return max(compared, key=lambda label: sum(leads[label]) / len(leads[label]))


def _lead(d: Difference) -> float:
    """How much the first is better."""
    return -cost(d.mean or 0.0, d.direction)


def _is_better(d: Difference, best: str | None, alpha: float) -> bool:
    lead = _lead(d) if d.first == best else -_lead(d)
    return d.p_holm is not None and d.p_holm < alpha and lead > 0


# ---- words ---------------------------------------------------------------------------------------


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(map(safe, labels))


def _some(labels: Sequence[str]) -> str:
    """Names, or how many there are."""
    return _listed(labels) if len(labels) <= NAMED else f"{len(labels)} others"


def _p(known: Sequence[Difference], best: str) -> str:
    """The largest of the winner's."""
    own = [d.p_holm for d in known if best in (d.first, d.second) and d.p_holm is not None]
    corrected = " after Holm's correction" if len(known) > 1 else ""
    return f"p {'at most ' if len(own) > 1 else ''}{max(own):.2g}{corrected}"
