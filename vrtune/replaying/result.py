"""What a replay found: whether a trial's record came out again, and if not, where it parts."""

from __future__ import annotations

from collections.abc import Iterator

from vrtune.config import Settings
from vrtune.display.figures import figure
from vrtune.display.results import aligned
from vrtune.replaying.comparison import Apart
from vrtune.studies.versions import Versions

Row = tuple[float | None, ...]  # None where a value, or one of two, was not finite


class Replay(Settings):
    """A recorded trial, trained again: what it came to then and now, after the same epochs."""

    study: str
    trial: int
    state: str  # complete, pruned, diverged, failed or interrupted
    metric: str  # what the values are
    way: str  # how the folds were trained: fused or looped
    continued: int | None = None  # the epoch of the checkpoint that it had gone on from
    epochs: tuple[int, ...]  # that are compared: those that the search judged
    recorded: tuple[Row, ...]  # [epoch][fold]
    replayed: tuple[Row, ...]
    same: bool  # every value, to the last bit
    first: Apart | None = None  # where they part; None if they do not
    gaps: Row = ()  # by epoch, of the fold that is furthest off; empty if all are the same
    twins: Row = ()  # the same of two trainings that differ by rounding alone
    rounding: bool | None = None  # whether that explains all; None if they are the same
    beyond: int | None = None  # the first epoch that it does not explain
    then: Versions | None  # of the search; None if it is not known
    now: Versions
    notes: tuple[str, ...] = ()

    @property
    def sentences(self) -> Iterator[tuple[str, str]]:
        """What it says, behind labels."""
        went_on = "" if self.continued is None else f", continued from epoch {self.continued}"
        yield "trial", f"{self.trial} of {self.study}, {self.state}{went_on}"
        folds, count = len(self.recorded[0]), len(self.epochs)
        of = f"on {folds} folds" if folds > 1 else "on the part held out"
        after = f"after {count} epoch{'s' * (count > 1)}"
        yield "compared", f"validation {self.metric} {of} {after}"
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
        """Where and how far, and whether rounding explains it."""
        folds, where = len(self.recorded[0]), f"from epoch {first.epoch} on"
        if folds > 1:
            where += f", there in {first.folds} of {folds} folds, in fold {first.fold} the most"
        yield "result", f"differs {where}"
        values = f"{_value(first.recorded)} was recorded, {_value(first.replayed)} came"
        yield f"epoch {first.epoch}", f"{values}: {_apart(first.gap)}"
        if len(self.epochs) > 1:
            yield "at the most", _apart(_most(self.gaps))
        alone = "two trainings that differ by rounding alone"
        if self.beyond is None:
            yield "rounding", f"explains it: {alone} come to be {_apart(_most(self.twins))}"
            return
        at = self.epochs.index(self.beyond)
        far = f"after epoch {self.beyond} it is {_apart(self.gaps[at])}"
        yield "rounding", f"does not explain it: {far}, {alone} {_apart(self.twins[at])}"

    def __repr__(self) -> str:
        return aligned(self.sentences)

    __str__ = __repr__


def _most(gaps: Row) -> float | None:
    return None if None in gaps else max(gap for gap in gaps if gap is not None)


def _apart(gap: float | None) -> str:
    return "apart by all, as one diverged" if gap is None else f"{figure(gap)} apart"


def _value(value: float | None) -> str:
    """In full: the difference may be in the last digit."""
    return "no finite value" if value is None else repr(value)


def _text(on: Versions) -> str:
    packages = f"vrtune {on.vrtune}, torch {on.torch}, numpy {on.numpy}, Python {on.python}"
    return f"{packages}, {on.device}"
