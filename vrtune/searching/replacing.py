"""What is known of the processes of a search by their numbers, where one takes another's place."""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict
from dataclasses import replace

from vrtune.events import Event, Finished, RoundEnded

IN_A_ROW = 3  # times that one is replaced which did not train for so long, nor end a trial
STEADY_S = 10.0
MEMORY = {True: ", as memory ran out", False: "", None: ", as where no memory is left"}


class Replacing:
    """A process that was killed is replaced, but not where the next one would only be killed as
    well; what the next one says goes on from what was spent."""

    def __init__(self) -> None:
        self.times = Counter[int]()  # in a row
        self.since: dict[int, float] = {}  # when a process said first that it trains
        self.starved: dict[int, bool] = {}  # whether memory was lacking, the last time
        # gradient computations of all that had a number; of those before
        self.spent = defaultdict[int, float](float)
        self.before = defaultdict[int, float](float)

    def counted(self, number: int, event: Event) -> Event:
        """What one says, in terms of all that had its number."""
        if isinstance(event, Finished) and event.state != "put back":
            self.times[number] = 0
        elif isinstance(event, RoundEnded):
            now = time.monotonic()
            if now - self.since.setdefault(number, now) >= STEADY_S:
                self.times[number] = 0
            event = replace(event, spent=event.spent + self.before[number])
            self.spent[number] = event.spent
        return event

    def may(self, number: int, *, starved: bool) -> bool:
        """Whether one that was killed just now is replaced: not again and again as soon as it is
        there, nor where memory was lacking twice in a row."""
        self.times[number] += 1
        before, self.starved[number] = self.starved.get(number, False), starved
        return self.times[number] <= IN_A_ROW and not (before and starved)

    def begin(self, number: int) -> None:
        """Another one has the number from now on."""
        self.before[number] = self.spent[number]
        self.since.pop(number, None)


def how_ended(number: int, status: int, starved: bool | None) -> str:
    """How one ended before its time, by its status and by what the system says of its memory."""
    if not status:
        return f"search process {number} ended"
    why = MEMORY[starved] if status == -signal.SIGKILL else ""
    return f"search process {number} was killed (signal {-status}{why})"
