"""Ctrl-C as a flag, so that a search ends between two steps with nothing lost."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from vrtune.storages.patience import hurry

# Ctrl-C; what ends programs; the terminal was closed (Windows knows none)
ENDING = [s for name in ("SIGINT", "SIGTERM", "SIGHUP") if (s := getattr(signal, name, None))]

Handler = Callable[[int, FrameType | None], None]


class Asked:
    """Whether the user asked to stop, and by which signal."""

    def __init__(self) -> None:
        self.by: int | None = None

    def __call__(self) -> bool:
        return self.by is not None


@contextmanager
def interrupts() -> Iterator[Asked]:
    """Turns the first Ctrl-C (or SIGTERM, SIGHUP) into a flag; the next one ends the program."""
    asked = Asked()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked():
            raise KeyboardInterrupt(number)
        asked.by = number
        hurry()

    with _handled(ENDING, ask):
        yield asked


@contextmanager
def unwinding() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as Ctrl-C does: what is open is closed, and files that
    nobody else would remove are removed."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    own = [number for number in ENDING[1:] if _handler(number) is signal.SIG_DFL]
    with _handled(own, end):
        yield


@contextmanager
def _handled(numbers: Sequence[int], handler: Handler) -> Iterator[None]:
    """Signals are Python's main thread's alone to handle. One whose handler is not Python's is left
    alone, and SIGHUP where it is ignored, as under nohup."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: _handler(number) for number in numbers}
    kept = [n for n, b in before.items() if b is None or (n != ENDING[0] and b is signal.SIG_IGN)]
    for number in kept:
        del before[number]
    try:
        for number in before:
            signal.signal(number, handler)
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _handler(number: int) -> Handler | int | None:
    return signal.getsignal(number)


def within(seconds: float, urged_seconds: float, call: Callable[[], object]) -> bool:
    """Makes a call that may never return, on another thread; False if it has not by then. Whoever
    is urged meanwhile (Ctrl-C) waits no longer than `urged_seconds` from then on."""

    def attempt() -> None:
        with suppress(Exception):  # an error that led here is the one to be seen
            call()

    thread = threading.Thread(target=attempt, daemon=True)
    try:
        thread.start()
    except RuntimeError:  # where memory has run out there is none for a thread either
        attempt()
        return True
    until = time.monotonic() + seconds
    while thread.is_alive() and (left := until - time.monotonic()) > 0:
        try:
            thread.join(left)
        except KeyboardInterrupt:
            until = min(until, time.monotonic() + urged_seconds)
    return not thread.is_alive()
