"""A process that was killed is replaced, but not where the next one would only be killed, too."""

from __future__ import annotations

import signal
import time
from itertools import count

import pytest

from vrtune.events import Event, Finished, RoundEnded
from vrtune.searching.replacing import IN_A_ROW, STEADY_S, Replacing, how_ended

KILL = -int(signal.SIGKILL)


def killed(replacing: Replacing, times: int, *events: Event) -> list[bool]:
    """Whether one is replaced each time that it is killed after these events."""
    may = []
    for _ in range(times):
        for event in events:
            replacing.counted(1, event)
        may.append(replacing.may(1, starved=False))
        replacing.begin(1)
    return may


def test_not_again_and_again() -> None:
    replacing, usual = Replacing(), [True] * IN_A_ROW
    put_back, pruned = (Finished(number=7, state=state) for state in ("put back", "pruned"))
    assert killed(replacing, 9, pruned) == [True] * 9
    assert killed(replacing, IN_A_ROW, put_back) == [*usual[1:], False]
    assert replacing.may(2, starved=False)
    assert killed(Replacing(), IN_A_ROW + 1) == [*usual, False]


@pytest.mark.parametrize(("seconds", "steady"), [(STEADY_S, True), (STEADY_S - 1, False)])
def test_a_process_that_trained_for_a_while_is_not_killed_at_once(
    seconds: float, steady: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds between two rounds; one that has just begun was not killed long after another."""
    ticks = count(step=seconds)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    trains = RoundEnded(running=1, lanes=2)
    assert killed(Replacing(), 9, trains, trains)[-1] is steady
    assert killed(Replacing(), 9, trains)[-1] is False


def test_not_where_memory_was_lacking_twice_in_a_row() -> None:
    """Whatever it did in between."""
    replacing = Replacing()
    assert replacing.may(1, starved=True)
    assert replacing.may(1, starved=False)
    assert replacing.may(1, starved=True)
    replacing.counted(1, Finished(number=7, state="complete"))
    assert replacing.may(2, starved=True)
    assert not replacing.may(1, starved=True)


def test_what_the_next_one_spends_goes_on_from_what_was_spent() -> None:
    replacing, spent = Replacing(), []
    for each in (10.0, 20.0, None, 5.0, None, 1.0):
        if each is None:
            replacing.may(1, starved=False)
            replacing.begin(1)
        else:
            for number in (1, 2):
                said = replacing.counted(number, RoundEnded(running=1, lanes=2, spent=each))
                assert isinstance(said, RoundEnded)
                spent.append(said.spent)
    assert spent[::2] == [10.0, 20.0, 25.0, 26.0]
    assert spent[1::2] == [10.0, 20.0, 5.0, 1.0]  # of one that was not replaced


@pytest.mark.parametrize(
    ("status", "starved", "how"),
    [
        (0, False, "ended"),
        (-15, False, "was killed (signal 15)"),
        (KILL, False, "was killed (signal 9)"),
        (KILL, True, "was killed (signal 9, as memory ran out)"),
        (KILL, None, "was killed (signal 9, as where no memory is left)"),
    ],
)
def test_how_one_ended_is_said(status: int, starved: bool | None, how: str) -> None:
    assert how_ended(3, status, starved) == f"search process 3 {how}"
