"""Shows the progress of long work while it goes on, from its first second."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TextIO

from vrtune.display.screens import Screen, on_terminal, screen
from vrtune.display.tally import Tally
from vrtune.events import Event, Planned

Listener = Callable[[Event], None]
Progress = bool | Listener | None  # what a caller may ask for


@contextmanager
def watching(
    progress: Progress,
    *,
    doing: str = "starting",
) -> Iterator[Listener]:
    """What takes the events of a function that was called from Python: the caller's own function,
    one that shows them on standard error or in a notebook, or one that does nothing.

    `doing` says what is done until an event says more.
    """
    if callable(progress):
        yield progress
    elif progress:
        with _showing(sys.stderr, doing, notebook=True) as take:
            yield take
    else:
        yield _silent


@contextmanager
def shown(
    *,
    doing: str = "starting",
    json: bool = False,
) -> Iterator[Listener]:
    """The same for a command: on standard output; with `json`, which leaves that alone, on standard
    error, if it is a terminal."""
    stream = sys.stderr if json else sys.stdout
    if json and not on_terminal(stream):
        yield _silent
        return
    with _showing(stream, doing, notebook=False) as take:
        yield take


@contextmanager
def _showing(stream: TextIO | None, doing: str, *, notebook: bool) -> Iterator[Listener]:
    tally = Tally(time.monotonic(), doing, Planned(text=""))
    watcher = _Watcher(tally)
    if stream is not None:
        watcher.begin(stream, notebook=notebook)
    try:
        yield watcher.take
    finally:
        watcher.end()


class _Watcher:
    """A thread that adds events up and shows them and how time goes by: what is watched never waits
    for a slow stream. A screen that fails (its stream was closed, a disk is full) is given up."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.screen: Screen | None = None
        self.events: SimpleQueue[Event | None] = SimpleQueue()  # None: that was all
        self.thread = Thread(target=self._watch, daemon=True)

    def begin(self, stream: TextIO, *, notebook: bool) -> None:
        """Shows where things are, and goes on with that in the thread."""
        with self._giving_up():
            self.screen = screen(stream, self.tally, notebook=notebook)
            self.screen.look(time.monotonic())
            self.thread.start()

    def take(self, event: Event) -> None:
        """Hands an event to the thread."""
        if self.screen:
            self.events.put(event)

    def end(self) -> None:
        """Shows what was left to show, and no more."""
        try:
            if self.thread.is_alive():
                self.events.put(None)
                self.thread.join()
        finally:
            if self.screen:
                with self._giving_up():
                    self.screen.close()

    def _watch(self) -> None:
        with self._giving_up():
            while self.screen and self._go_on(self.screen, time.monotonic() + self.screen.every_s):
                self.screen.look(time.monotonic())
            if self.screen:  # as it ended
                self.screen.look(time.monotonic())

    def _go_on(self, screen: Screen, until: float) -> bool:
        """Takes events until a moment; False if there will be no more."""
        while (wait := until - time.monotonic()) > 0:
            with suppress(Empty):
                event = self.events.get(timeout=wait)
                if event is None:
                    return False
                now = time.monotonic()
                self.tally.take(event, now)
                screen.take(event, now)
        return True

    @contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except Exception:  # whatever streams and notebooks think of
            screen, self.screen = self.screen, None
            if screen:
                with suppress(Exception):
                    screen.close()


def _silent(event: Event) -> None: ...
