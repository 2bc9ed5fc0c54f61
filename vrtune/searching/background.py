"""A thread that makes calls in the order they were given, and holds nothing up if one hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """Makes calls one after another. Python waits at its end for an executor's thread, not for
    this one: a call that hangs holds nothing up."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._since: float | None = None  # when the call that is being made began
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def submit(self, call: Callable[..., T], *args: object) -> Future[T]:
        """Queues a call."""
        future: Future[T] = Future()
        self._calls.put((future, lambda: call(*args)))
        return future

    def busy_s(self) -> float:
        """Seconds that the call which is being made takes by now."""
        since = self._since
        return 0.0 if since is None else time.monotonic() - since

    def end(self, seconds: float) -> None:
        """Ends the thread after the last call that was queued; waits for it so long."""
        self._calls.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        while (given := self._calls.get()) is not None:
            future, call = given
            self._since = time.monotonic()
            try:
                future.set_result(call())
            except BaseException as error:  # KeyboardInterrupt of a user's own code, too
                future.set_exception(error)
            self._since = None
            del future, call, given  # hold nothing while there is nothing to do
