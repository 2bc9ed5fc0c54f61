"""Where the time of a search went, and how full its slots were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vrtune.comparing.tuned import Tuned
from vrtune.figures.bars import Part, headed, stacked
from vrtune.figures.panel import Panel

PARTS = (
    Part("training"),
    Part("judging", 0.62, "/"),
    Part("seating", 0.42, "x"),
    Part("waiting", 0.16),
    Part("beside", 0.62, beneath=True),
)


@dataclass(frozen=True)
class Times:
    """Core-seconds of all searches of a method that came to an end."""

    study: str
    label: str
    place: int  # among the methods that are compared
    training: float
    judging: float
    seating: float
    beside: float  # of the others' cores, on threads of its own
    total: float
    seconds: float | None  # by the clock
    occupancy: float | None  # share of the slots' time in which a trial trained in them

    @property
    def waiting(self) -> float:
        """For storage, sampler and pruner, and at the beginning and the end."""
        return max(0.0, self.total - self.training - self.judging - self.seating)


def compute(tuned: Sequence[Tuned]) -> list[Times] | None:
    """None where no study says how its time was spent; studies that don't are left out.

    Args:
        tuned: studies, a method each.

    Returns:
        The times of each, its searches together.
    """
    found = [times for i, each in enumerate(tuned) if (times := _times(each, i))]
    return found or None


def draw(data: Sequence[Times]) -> list[Panel]:
    """A bar a method of 100 %."""
    rows = [[part / each.total for part in _parts(each)] for each in data]
    heads = [headed(each.label, _said(each)) for each in data]
    places = [each.place for each in data]
    figure = stacked(PARTS, rows, heads, "share of the search's core time", "{:.1%}".format, places)
    figure.update_xaxes(tickformat=".0%", range=[0, 1.02])
    how = (
        "A bar is the time of all cores of a search, 100 %; seating is putting trials into slots. "
        "The thin bar is what storage and sampler did beside it, on threads of their own: it is "
        "no part of the 100 %, but makes the other parts longer."
    )
    return [
        Panel(
            "time",
            "Where the time of the searches went",
            how,
            figure,
            (
                *("study", "method", "training", "judging", "seating", "waiting", "beside"),
                *("core_seconds", "seconds", "occupancy"),
            ),
            [
                (each.study, each.label, *_parts(each), each.total, each.seconds, each.occupancy)
                for each in data
            ],
        )
    ]


def _times(tuned: Tuned, place: int) -> Times | None:
    known = [entry for entry in tuned.searches if entry.total and entry.training is not None]
    if not known:
        return None
    offered = sum(entry.offered or 0.0 for entry in known)
    return Times(
        study=tuned.study,
        label=tuned.label,
        place=place,
        training=sum(entry.training or 0.0 for entry in known),
        judging=sum(entry.judging or 0.0 for entry in known),
        seating=sum(entry.seating or 0.0 for entry in known),
        beside=sum(entry.beside or 0.0 for entry in known),
        total=sum(entry.total or 0.0 for entry in known),
        seconds=tuned.seconds,
        occupancy=sum(entry.taken or 0.0 for entry in known) / offered if offered else None,
    )


def _parts(each: Times) -> tuple[float, ...]:
    return each.training, each.judging, each.seating, each.waiting, each.beside


def _said(each: Times) -> str:
    said = [] if each.seconds is None else [f"{each.seconds:,.0f} s"]
    said += [] if each.occupancy is None else [f"slots {each.occupancy:.0%} full"]
    return ", ".join(said) or "search cut off"
