"""The differences of a comparison as columns: a row a pair of methods."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from vrtune.comparing.columns import NOTHING, Column, Part
from vrtune.comparing.evidence import Difference, Kind
from vrtune.display.figures import first_of, safe

Pair = tuple[str, str]

HEADINGS: dict[Kind, str] = {  # {}: loss, accuracy, ...
    "folds": "{} by fold",
    "seeds": "{} by seed",
    "equal trials": "at equal trials",
    "equal gradient computations": "at equal gradients",
}
NAMED = 3  # methods or pairs that a note names


def with_method(found: Sequence[Difference], label: str) -> list[Difference]:
    """Those of one method and the others."""
    return [each for each in found if label in (each.first, each.second)]


def pairs(found: Sequence[Difference]) -> Column:
    """Their names, for the left: the first minus the second."""
    return Column("first - second", tuple(dict.fromkeys(map(_named, found))), words=True)


def parts(found: Sequence[Difference], places: int = 4) -> list[Part]:
    """A difference, its interval and what tests say of it, for each way of comparing; figures with
    so many decimal places."""
    known = {each.kind for each in found if each.mean is not None}
    return [_part(found, kind, places) for kind in HEADINGS if kind in known]


def pair_notes(found: Sequence[Difference]) -> list[str]:
    """What is to be said of differences, each once: of which methods, or of which pairs."""
    about: dict[tuple[Kind, str, bool], dict[str, None]] = defaultdict(dict)  # whom, in order
    for each in found:
        for reason in each.reasons:
            if not reason.budget:
                whom = safe(reason.who) if reason.who else _named(each)
                about[each.kind, reason.what, bool(reason.who)][whom] = None
    return [
        f"{_heading(found, kind)}: "
        + (_together(whom, what) if of_methods else f"{what} ({first_of(whom, NAMED)})")
        for (kind, what, of_methods), whom in about.items()
    ]


def _together(whom: Collection[str], what: str) -> str:
    verb, _, rest = what.partition(" ")
    verb = {"was": "were", "has": "have"}.get(verb, verb) if len(whom) > 1 else verb
    return f"{first_of(whom, NAMED)} {verb} {rest}"


def _part(found: Sequence[Difference], kind: Kind, places: int) -> Part:
    by = {(each.first, each.second): each for each in found if each.kind == kind}
    each = [by.get(pair) for pair in _pairs(found)]
    head = _heading(found, kind)
    said = (
        (head, "difference", [_signed(d.mean, places) if d else NOTHING for d in each]),
        ("95 % interval", "95 % interval", [_interval(d, places) for d in each]),
        ("p (Holm)", "p (Holm)", [_p(d.p_holm) if d else NOTHING for d in each]),
        ("1st/equal/2nd", "1st/equal/2nd", [_posterior(d) for d in each]),
    )
    columns = [Column(above, tuple(c), two=(head, below)) for above, below, c in said]
    return tuple(c for i, c in enumerate(columns) if not i or not c.is_empty)


def _heading(found: Sequence[Difference], kind: Kind) -> str:
    """What the differences of a kind are of, if that is the same for all."""
    of = [each for each in found if each.kind == kind]
    measures = {each.measure for each in of if each.mean is not None} or {d.measure for d in of}
    measure = measures.pop() if len(measures) == 1 else "the value"
    return HEADINGS[kind].format(measure.partition(" ")[2])


def _pairs(found: Sequence[Difference]) -> list[Pair]:
    return list(dict.fromkeys((each.first, each.second) for each in found))


def _named(each: Difference) -> str:
    return f"{safe(each.first)} - {safe(each.second)}"


def _signed(value: float | None, places: int) -> str:
    if value is None:
        return NOTHING
    text = f"{value:+.{places}f}" if abs(value) < 1e6 else f"{value:+.4e}"
    return text if float(text) else text[1:]


def _interval(each: Difference | None, places: int) -> str:
    if each is None or each.low is None or each.high is None:
        return NOTHING
    return f"{_signed(each.low, places)} .. {_signed(each.high, places)}"


def _p(value: float | None) -> str:
    if value is None:
        return NOTHING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _posterior(each: Difference | None) -> str:
    if each is None or each.first_better is None:
        return NOTHING
    known = (each.first_better, each.equal, each.second_better)
    return "/".join("-" if value is None else f"{value:.2f}" for value in known)
