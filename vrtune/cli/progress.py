"""The progress of a search: one live line on a terminal, a plain line a trial elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from vrtune.cli.screen import figure, settings
from vrtune.events import Confirming, Event, Finished, Halved, Planned, Retraining, RoundEnded

FINISHED = ("complete", "pruned", "diverged")


@dataclass
class Tally:
    """What the events so far add up to."""

    trials: int | None  # to come; None if nobody knows
    epochs: int
    counts: dict[str, int] = field(default_factory=dict)  # by state
    running: dict[int, int] = field(default_factory=dict)  # by worker
    lanes: dict[int, int] = field(default_factory=dict)
    best: tuple[float, int] | None = None  # value, number
    confirmed: Confirming | None = None  # the last epoch of a trial that is judged again
    retrained: int | None = None  # epochs
    began: float | None = None  # when the first event came

    def take(self, event: Event) -> None:
        """Adds one event."""
        self.began = self.began or time.monotonic()
        match event:
            case RoundEnded():
                self.running[event.worker], self.lanes[event.worker] = event.running, event.lanes
            case Confirming():
                self.confirmed = event
            case Retraining():
                self.retrained = event.epoch
            case Finished():
                self.counts[event.state] = self.counts.get(event.state, 0) + 1
                if event.state == "complete" and event.value is not None:
                    mine = (event.value, event.number)
                    self.best = min(self.best, mine) if self.best else mine

    @property
    def finished(self) -> int:
        """Trials that need no more work."""
        return sum(self.counts.get(state, 0) for state in FINISHED)

    def left_s(self, now: float) -> float | None:
        """Seconds to go if the trials to come take as long as those that were."""
        if self.trials is None or self.began is None or not self.finished:
            return None
        return (now - self.began) * max(0, self.trials - self.finished) / self.finished

    def text(self, now: float) -> str:
        """All of it on one line."""
        if self.began is None:
            return "starting"
        if self.retrained is not None:
            return f"training the best again: epoch {self.retrained} of {self.epochs}"
        if (now_judged := self.confirmed) is not None:
            where = f"epoch {now_judged.epoch} of {self.epochs}"
            return f"judging trial {now_judged.trial} again on fresh starts: {where}"
        of = f" of {self.trials}" if self.trials else ""
        parts = [f"{self.finished}{of} trials"]
        parts += [f"{n} {state}" for state, n in self.counts.items() if state != "complete"]
        parts.append(f"{sum(self.running.values())} running")
        parts.append(f"{sum(self.lanes.values())} lanes busy")
        if self.best:
            parts.append(f"best {figure(self.best[0])} (trial {self.best[1]})")
        left = self.left_s(now)
        if left is not None:
            parts.append(f"about {int(left) // 60}:{int(left) % 60:02d} left")
        return ", ".join(parts)


@contextmanager
def shown(
    *, trials: int | None, epochs: int, json: bool = False
) -> Iterator[Callable[[Event], None]]:
    """Shows events while it is open. With `json`, standard output is left alone."""
    stream = sys.stderr if json else sys.stdout
    console = Console(file=stream, markup=False, highlight=False)
    tally = Tally(trials, epochs)
    if stream.isatty() and not console.is_dumb_terminal:
        with Live(get_renderable=lambda: _bar(tally), console=console, transient=True):

            def take(event: Event) -> None:
                if note(event):
                    console.print(note(event))  # stays above the live line
                tally.take(event)

            yield take
    elif json:
        yield lambda event: None
    else:
        yield _print


def _bar(tally: Tally) -> Table:
    again = tally.retrained or (tally.confirmed.epoch if tally.confirmed else None)
    total = tally.trials if again is None else tally.epochs
    done = tally.finished if again is None else again
    grid = Table.grid(padding=(0, 1))
    grid.add_row(ProgressBar(total, done, width=20), tally.text(time.monotonic()))
    return grid


def note(event: Event) -> str:
    """What is said once, whatever else is shown; empty for most events."""
    match event:
        case Planned():
            return event.text
        case Halved():
            return f"out of memory: going on with {event.lanes} lanes at once"
    return ""


def _print(event: Event) -> None:
    """A plain line for each trial that ended, and one for the retraining."""
    match event:
        case Planned() | Halved():
            print(note(event), flush=True)
        case Finished() if event.state in FINISHED:
            print(
                f"trial {event.number:<4} {event.state:<9} {figure(event.value):<8} "
                f"epoch {event.epoch:<4} {settings(event.params)}  {event.seconds:.1f} s",
                flush=True,
            )
        case Finished():
            print(f"trial {event.number:<4} {event.state}", flush=True)
        case Confirming(epoch=1):
            print(f"judging trial {event.trial} again on fresh starts", flush=True)
        case Retraining(epoch=1):
            print("training the best again on the whole training set", flush=True)
