"""What came out of long work, in a few lines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from vrtune.display.figures import Spread, figure, plus_minus, safe

Lines = Iterable[tuple[str, str]]  # a label and what it names


class Again(Protocol):
    """A trial that was trained again and tested."""

    @property
    def trial(self) -> int: ...

    @property
    def seeds(self) -> int: ...

    @property
    def asked_epochs(self) -> int | None: ...

    @property
    def failed(self) -> int: ...

    @property
    def score(self) -> str: ...

    @property
    def test_score(self) -> Spread | None: ...

    @property
    def test_loss(self) -> Spread: ...

    @property
    def train_score(self) -> Spread | None: ...

    @property
    def gradient_computations(self) -> float: ...

    @property
    def folder(self) -> str | None: ...

    @property
    def effective_samples(self) -> float | None: ...

    @property
    def test_metrics(self) -> Mapping[str, Spread]: ...


def aligned(lines: Lines) -> str:
    """Labels and values in two columns."""
    lines = list(lines)
    width = max((len(label) for label, _ in lines), default=0)
    return "\n".join(f"{label:<{width}}  {value}".rstrip() for label, value in lines)


def trained_again(again: Again) -> Iterator[tuple[str, str]]:
    """What became of a trial on the whole training set, seed by seed."""
    epochs = again.asked_epochs
    asked = f", for {epochs} epoch{'s' * (epochs > 1)}" if epochs else ""
    yield "trained again", f"trial {again.trial}, with {_seeds(again.seeds)}{asked}"
    for name, spread in (again.score, again.test_score), ("loss", again.test_loss):
        if spread:
            each = ", ".join(map(figure, spread.values))
            yield (
                f"test {name}",
                plus_minus(spread) + f" (of each seed: {each})" * (again.seeds > 1),
            )
    error = again.test_metrics.get("ece")
    if error and again.score != "ece":
        yield "test ece", plus_minus(error)
    if again.effective_samples is not None:
        yield "effective samples", f"{again.effective_samples:.3g} by the training loss"
    if again.train_score:
        yield f"train {again.score}", plus_minus(again.train_score)
    if again.failed:
        yield "failed", failed_seeds(again.failed, again.seeds)
    yield "training cost", f"{again.gradient_computations:,.0f} gradient computations"
    if again.folder:
        yield "weights", safe(again.folder)


def failed_seeds(failed: int, seeds: int) -> str:
    """What it means that some seeds failed."""
    return (
        f"{failed} of {_seeds(seeds)} diverged or learned little, so this setting works with some "
        "random numbers and not with others: don't trust it, search longer or confirm more often"
    )


def _seeds(count: int) -> str:
    return f"{count} seed{'s' * (count > 1)}"
