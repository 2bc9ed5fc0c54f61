"""What a search loop looks out for while lanes train and while it waits for the storage."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from vrtune.errors import VrtuneError
from vrtune.events import Event, Finished, Noted, Stopped
from vrtune.lanes.pool import Pool
from vrtune.lanes.steps import Steps
from vrtune.searching.ledger import Ledger
from vrtune.storages.patience import hurry

HUNG_S = 10.0  # once time or budget is spent, no call of the ledger is waited for any longer


class Lookout:
    """The user may stop the search, its time may be over, a call may hang; and what the storage
    knows by now is shown."""

    def __init__(
        self,
        ledger: Ledger,
        pool: Pool,
        stopping: Callable[[], bool],
        expired: Callable[[], bool],
        progress: Callable[[Event], None],
    ) -> None:
        self.ledger, self.pool = ledger, pool
        self.stopping, self.expired = stopping, expired
        self.progress, self.steps = progress, Steps(progress)

    def check(self) -> None:
        """Raises Stopped if the user wants to stop; shows what ended."""
        if self.stopping():  # first: whoever listens may be slow
            raise Stopped
        self.show()

    def after_step(self) -> None:
        """To be called after every step of the lanes."""
        self.check()
        self.steps.tell(self.pool)

    def settle(self, *, go_on: bool = False) -> bool:
        """Waits until the storage knows all that it was told; False where it is away, for those who
        can `go_on`."""
        settled = self.ledger.settle(self._while_waiting, go_on=go_on)
        self.show()
        return settled

    def show(self) -> None:
        """Passes on what the storage knows and nobody was shown."""
        while self.ledger.told:
            self.progress(self.ledger.told.popleft())

    def show_put_back(self, numbers: list[int]) -> None:
        """Says so of trials that were put back."""
        self.show()
        for number in numbers:
            self.progress(Finished(number=number, state="put back"))

    def give_up(self, error: BaseException) -> None:
        """Puts the open trials back, then says so: what failed may be whoever listens.

        KeyboardInterrupt if the user asked twice to stop, or once while a call hung.
        """
        hurry()
        ledger, stuck = self.ledger, self.ledger.stuck()
        numbers = ledger.put_back(urged=isinstance(error, KeyboardInterrupt))
        hung = ledger.hung and isinstance(error, Stopped)
        with suppress(Exception):
            self.show_put_back(numbers)
            if hung:
                self.progress(Noted(text=f"{stuck}: it is not waited for"))
        if hung or ledger.interrupted:
            raise KeyboardInterrupt from error

    def _while_waiting(self) -> None:
        self.check()
        if self.expired() and self.ledger.thread.busy_s() > HUNG_S:
            raise VrtuneError(f"{self.ledger.stuck()}: the search ends, as its time is over")
