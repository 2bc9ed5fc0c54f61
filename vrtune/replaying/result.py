"""What a replay found: whether a trial's record came out again, and if not, where it parts."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from vrtune.config import Settings
from vrtune.display.figures import figure
from vrtune.display.results import aligned
from vrtune.replaying.comparison import Apart
from vrtune.studies.versions import Versions


class Replay(Settings):
    """A recorded trial, trained again: what it came to then and now, after the same epochs."""

    study: str
    trial: int
    state: str  # complete, pruned, diverged, failed or interrupted
    metric: str  # what the values are
    way: str  # how the folds were trained: fused or looped
    continued: int | None = None  # the epoch of the checkpoint that it had gone on from
    epochs: tuple[int, ...]  # that are compared: those that the search judged
    recorded: tuple[tuple[float | None, ...], ...]  # [epoch][fold]; None where not finite
    replayed: tuple[tuple[float | None, ...], ...]
    same: bool  # every value, to the last bit
    first: Apart | None = None  # where they part; None if they do not
    widest: float | None = None  # the widest gap of all; None where one alone diverged
    rounding: bool | None = None  # whether that alone explains it; None if they are the same
    twin: float | None = Field(
        default=None,
        description="how far rounding alone drives two such trainings apart until they part; None "
        "if they are the same, or one alone diverged",
    )
    then: Versions | None  # of the search; None if it is not known
    now: Versions
    notes: tuple[str, ...] = ()

    @property
    def sentences(self) -> Iterator[tuple[str, str]]:
        """What it says, behind labels."""
        yield "trial", f"{self.trial} of {self.study}, {self.state}{self._went_on()}"
        folds, count = len(self.recorded[0]), len(self.epochs)
        what = f"validation {self.metric}"
        of = f"on {folds} folds" if folds > 1 else "on the part held out"
        yield "compared", f"{what} {of} after {count} epoch{'s' * (count > 1)}"
        if self.first is None:
            yield "result", "the same in every bit"
        else:
            yield from self._parting(self.first)
        if self.then is None or self.then == self.now:
            yield "on", _text(self.now)
        else:
            yield "then on", _text(self.then)
            yield "now on", _text(self.now)
        for note in self.notes:
            yield "note", note

    def _parting(self, first: Apart) -> Iterator[tuple[str, str]]:
        folds, where = len(self.recorded[0]), f"from epoch {first.epoch} on"
        if folds > 1:
            where += f" ({first.folds} of {folds} folds; fold {first.fold} the most)"
        yield "result", f"differs {where}"
        gap = "" if first.gap is None else f", {figure(first.gap)} apart"
        yield "there", f"{_value(first.recorded)} was recorded, {_value(first.replayed)} came{gap}"
        if len(self.epochs) > 1:
            most = "one of them diverged" if self.widest is None else figure(self.widest)
            yield "furthest apart", most
        alone = "two trainings that differ by rounding alone"
        if self.twin is None:
            yield "rounding", f"may be it: of {alone}, one diverges by then"
            return
        by_then = f"are {figure(self.twin)} apart by then"
        yield "rounding", f"{'yes' if self.rounding else 'no'}: {alone} {by_then}"

    def _went_on(self) -> str:
        return "" if self.continued is None else f", continued from epoch {self.continued}"

    def __repr__(self) -> str:
        return aligned(self.sentences)

    __str__ = __repr__


def _value(value: float | None) -> str:
    """In full: the difference may be in the last digit."""
    return "no finite value" if value is None else repr(value)


def _text(on: Versions) -> str:
    return (
        f"vrtune {on.vrtune}, torch {on.torch}, numpy {on.numpy}, Python {on.python}, {on.device}"
    )
