"""A storage that is away for a while, as when its server starts anew: whoever had it open waits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from vrtune.events import Event, Noted
from vrtune.storages.urls import shown

if TYPE_CHECKING:
    from vrtune.storages.faults import StorageFault

# from when a storage went away: where somebody is told; where nobody is; once the work is to end
PATIENT_S, SILENT_S, HURRIED_S = 600.0, 3.0, 10.0
FIRST_S, MOST_S = 0.1, 5.0  # between two tries, which grows; many processes ask at other times
TOLD_S = 2.0  # nobody needs to know of a connection that was cut

T = TypeVar("T")

_lock = threading.RLock()
_since: dict[str, float] = {}  # when each storage that is away went, by URL
_said: set[str] = set()  # of which somebody was told
_listeners: list[Callable[[Event], None]] = []  # the last one is told
_hurried = float("inf")  # when the work was to end
_back = float("-inf")  # when a storage answered again
_mine = threading.local()  # what this thread does before it tries again


@contextmanager
def patient(progress: Callable[[Event], None]) -> Iterator[None]:
    """Inside, in whatever thread, a storage that is away is waited for up to PATIENT_S.

    Args:
        progress: told when it went away, and when it answers again.

    Example:
        >>> from vrtune.storages.patience import away, patient
        >>> with patient(print):
        ...     away()
        False
    """
    global _hurried
    with _lock:
        if not _listeners:
            _since.clear()
            _said.clear()
            _hurried = float("inf")
        _listeners.append(progress)
    try:
        yield
    finally:
        with _lock:
            _listeners.remove(progress)
            if not _listeners:
                _hurried = float("inf")


def hurry() -> None:
    """The work is to end: from now on nothing is waited for longer than HURRIED_S."""
    global _hurried
    _hurried = min(_hurried, time.monotonic())  # no lock: a signal may come while it is held


def away() -> bool:
    """Whether a storage is away and waited for."""
    now = time.monotonic()
    return any(now < _until(since) for since in list(_since.values()))


def back_for() -> float:
    """Seconds since a storage that was away answered again."""
    return time.monotonic() - _back


def lasting(url: str, call: Callable[[], T], stored: Callable[[], T | None] = lambda: None) -> T:
    """Makes a call until the storage answers, or patience is at an end.

    Args:
        url: the storage, as it was given.
        call: fails with a StorageFault where it is away.
        stored: what the call would return, if an earlier try was stored and only its answer lost.

    Returns:
        What the call returns.

    Raises:
        StorageFault: the storage stays away.
    """
    from vrtune.storages.faults import StorageFault  # Optuna: `vrtune -h` comes by, too

    if getattr(_mine, "calling", False):  # a part of a call is no answer: it may ask nobody
        return call()
    tries = 0
    while True:
        try:
            done = stored() if tries else None
            result = _called(call) if done is None else done
        except StorageFault as fault:
            if not fault.away:
                raise
            _wait(url, fault, tries)
            tries += 1
            _prepare()
            continue
        except Exception:  # an answer, too
            _answers(url)
            raise
        _answers(url)
        return result


def _called(call: Callable[[], T]) -> T:
    _mine.calling = True
    try:
        return call()
    finally:
        _mine.calling = False


@contextmanager
def before_another_try(prepare: Callable[[], None]) -> Iterator[None]:
    """Inside, this thread calls `prepare` before it makes a call again."""
    outer = _mine.__dict__.get("prepare")
    _mine.prepare = prepare
    try:
        yield
    finally:
        _mine.prepare = outer


def _prepare() -> None:
    if prepare := _mine.__dict__.get("prepare"):
        with before_another_try(lambda: None):  # its own tries need none
            prepare()


def _until(since: float) -> float:
    """How long a storage is waited for that is away since then."""
    return min(since + (PATIENT_S if _listeners else SILENT_S), max(since, _hurried) + HURRIED_S)


def _wait(url: str, fault: StorageFault, tries: int) -> None:
    """Waits a while; raises the fault where patience is at an end."""
    now = time.monotonic()
    with _lock:
        since = _since.setdefault(url, now)
        if now >= _until(since):
            raise fault
        if now - since >= TOLD_S and url not in _said:
            _said.add(url)
            _tell(f"{shown(url)} {fault.away} since {_clock()}: it is tried for 10 minutes")
    pause = min(MOST_S, FIRST_S * 2**tries) * random.uniform(0.5, 1.0)
    time.sleep(max(0.0, min(pause, _until(since) - now)))


def _answers(url: str) -> None:
    """Takes note that a storage answers."""
    global _back
    if url not in _since:
        return
    with _lock:
        if _since.pop(url, None) is None:
            return
        _back = time.monotonic()
        if url in _said:
            _said.discard(url)
            _tell(f"{shown(url)} answers again ({_clock()})")


def _tell(text: str) -> None:
    if _listeners:
        _listeners[-1](Noted(text=text))


def _clock() -> str:
    return f"{datetime.now():%H:%M}"
