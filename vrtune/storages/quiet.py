"""Optuna's messages: not shown while vrtune works, and shown as before afterwards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LEVELS = {"optuna": logging.ERROR, "alembic": logging.WARNING}  # by logger, while vrtune works
_lock = threading.Lock()
_inside = 0  # calls of quiet() that have not ended, in all threads
_before: dict[str, int] = {}  # the levels to go back to


@contextmanager
def quiet() -> Iterator[None]:
    """Silences Optuna inside a `with` or a decorated function.

    Loggers belong to the whole program: the first who enters silences them, in whatever thread,
    and the last who leaves puts them back.
    """
    global _inside
    with _lock:
        if not _inside:
            _before.update({name: logging.getLogger(name).level for name in LEVELS})
            _set_levels(LEVELS)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                _set_levels(_before)


def _set_levels(levels: dict[str, int]) -> None:
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
