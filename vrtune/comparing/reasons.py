"""Why nothing can be said of a pair of methods, or what to bear in mind of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.figures import safe


class Reason(Settings):
    """Said of one method, or of the pair."""

    what: str  # "was not trained again", of a method; of a pair a clause of its own
    who: str = ""  # the method's label
    budget: bool = False  # whether it is what both spent, which tables name in their headings

    def __str__(self) -> str:
        return f"{safe(self.who)} {self.what}" if self.who else self.what


def lacking(tuned: Sequence[Tuned], of: Callable[[Tuned], object], what: str) -> tuple[Reason, ...]:
    """Those that lack something."""
    return tuple(Reason(who=each.label, what=what) for each in tuned if of(each) is None)


def faults(sides: Sequence[tuple[Tuned, Sequence[float | None]]], unit: str) -> tuple[Reason, ...]:
    """Those that diverged, and where, or have nothing to compare."""
    said = []
    for tuned, values in sides:
        lost = sum(v is None or not math.isfinite(v) for v in values)
        if not values:
            said.append(Reason(who=tuned.label, what="has no values"))
        elif lost:
            what = f"diverged in {lost} of {len(values)} {unit}"
            said.append(Reason(who=tuned.label, what=what))
    return tuple(said)
