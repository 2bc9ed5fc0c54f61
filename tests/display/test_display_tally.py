"""What events add up to: how much is done, how long the rest takes."""

from __future__ import annotations

import pytest

from vrtune.display.tally import Tally
from vrtune.events import (
    Confirming,
    Event,
    Finished,
    Planned,
    Preparing,
    Retraining,
    RoundEnded,
    Stepped,
)

PLAN = Planned(text="as planned", trials=10, epochs=4)


def tally(*events: Event, at: float = 10.0) -> Tally:
    """One that began at 0 and has taken in everything at one moment."""
    out = Tally(0.0, "starting", Planned(text=""))
    for event in events:
        out.take(event, at)
    return out


def stepped(trial: int, epoch: int, step: int = 50, worker: int = 0) -> Stepped:
    return Stepped(trial=trial, epoch=epoch, step=step, steps=100, worker=worker)


def ended(number: int, state: str = "complete", value: float | None = 0.5) -> Finished:
    return Finished(number=number, state=state, value=value)


# ---- how far -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("events", "trials"),
    [
        ([], 0),
        ([stepped(0, 1)], 0.5 / 4),
        ([stepped(0, 3)], 2.5 / 4),
        ([stepped(0, 3), stepped(1, 1, worker=1)], 3 / 4),
        ([stepped(0, 3), RoundEnded(running=1, lanes=2, behind=3)], 3 / 4),
        ([stepped(0, 4, 100), ended(0), RoundEnded(running=0, lanes=0)], 1),
        ([ended(0, "pruned"), ended(1, "diverged"), ended(2, "failed", None)], 3),
        ([stepped(0, 2), Finished(number=0, state="put back")], 0),
        # a round of three trials: all of them move with the one that is named
        ([RoundEnded(running=3, lanes=6, behind=5), stepped(2, 2)], (5 + 3 * 0.5) / 4),
        # a fresh one, where none was left from the round before
        ([RoundEnded(running=0, lanes=0), stepped(7, 1, 100)], 1 / 4),
        ([ended(n) for n in range(12)], 10),
    ],
)
def test_trials_in_training_count_by_their_share(events: list[Event], trials: float) -> None:
    assert tally(PLAN, *events).share() == pytest.approx(trials / 10)


def test_without_a_number_of_trials_the_budget_counts() -> None:
    by_budget = Planned(text="as planned", epochs=4, budget=1000.0)
    spent = [RoundEnded(running=1, lanes=1, spent=100.0, worker=w) for w in range(3)]
    assert tally(by_budget, *spent).share() == pytest.approx(0.3)
    assert tally(Planned(text="as planned")).share() is None


def test_judging_again_and_training_again_count_by_epochs() -> None:
    events = [PLAN, ended(0), Confirming(trial=0, epoch=0, epochs=4, time=1, times=3)]
    assert tally(*events).share() == 0
    assert tally(*events, stepped(0, 1)).share() == pytest.approx(0.5 / 4)
    assert tally(*events, stepped(0, 1), Confirming(trial=0, epoch=1, epochs=4)).share() == 1 / 4
    again = [*events, Retraining(epoch=0, epochs=20), stepped(0, 1)]
    assert tally(*again).share() == pytest.approx(0.5 / 20)
    assert tally(Retraining(epoch=3)).share() is None  # nobody said of how many


# ---- how long ----------------------------------------------------------------------------------


def test_the_rest_takes_as_long_as_what_was() -> None:
    found = tally(PLAN, stepped(0, 1, 1), at=10.0)
    assert found.left(10.0) is None  # the first step has just been made
    assert found.left(300.0) is None  # too little is done
    found.take(stepped(0, 3, 50), 20.0)  # five eighths of the first of ten
    assert found.left(20.0) == pytest.approx(10 * (10 - 0.625) / 0.625)
    for number in range(10):
        found.take(ended(number), 30.0)
    assert found.left(30.0) is None


def test_pruned_trials_count_by_the_time_they_took() -> None:
    found = tally(PLAN, stepped(0, 1), ended(0), ended(1, "pruned"), at=10.0)
    found.take(RoundEnded(running=0, lanes=0), 20.0)
    assert found.left(20.0) == pytest.approx(8 * 10 / 2)


@pytest.mark.parametrize(("timeout", "left"), [(1000.0, 90.0), (50.0, 30.0), (15.0, 0.0)])
def test_no_longer_than_the_timeout_and_never_less_than_nothing(
    timeout: float, left: float
) -> None:
    plan = Planned(text="as planned", trials=10, epochs=4, timeout=timeout)
    found = tally(plan, stepped(0, 1), ended(0), at=10.0)
    assert found.left(20.0) == pytest.approx(left)


def test_a_clock_that_stands_still_or_nothing_known_says_nothing() -> None:
    assert tally(PLAN).left(99.0) is None
    assert tally(PLAN, stepped(0, 1), ended(0), at=10.0).left(10.0) is None
    assert tally(Planned(text="as planned"), stepped(0, 1), ended(0)).left(99.0) is None
    assert tally().elapsed(-5.0) == 0.0


def test_each_part_has_its_own_time() -> None:
    found = tally(PLAN, stepped(0, 1), ended(0), at=10.0)
    found.take(Retraining(epoch=0, epochs=4), 100.0)
    found.take(Retraining(epoch=1, epochs=4), 110.0)
    assert found.left(110.0) == pytest.approx(30.0)


# ---- what came out -----------------------------------------------------------------------------


def test_the_best_is_the_least_value_of_a_complete_trial() -> None:
    found = tally(PLAN, ended(0), ended(1, "pruned", 0.1), ended(2, value=0.2), ended(3, value=0.3))
    assert found.best == (0.2, 2)
    assert found.counts == {"complete": 3, "pruned": 1}


def test_the_best_of_an_earlier_search_is_known() -> None:
    earlier = Planned(text="as planned", trials=3, best=0.15, best_trial=7)
    assert tally(earlier, ended(8, value=0.2)).best == (0.15, 7)
    assert tally(earlier, ended(8, value=0.1)).best == (0.1, 8)


def test_what_is_done_is_what_was_said_last() -> None:
    found = tally(Preparing(text="reading mnist"))
    assert found.doing == "reading mnist"
    found.take(Retraining(epoch=0, doing="training the best again"), 1.0)
    found.take(Retraining(epoch=1), 2.0)
    assert found.doing == "training the best again"


def test_the_best_so_far_is_the_highest_where_more_is_better() -> None:
    ends = [ended(0, value=0.5), ended(1, value=0.9), ended(2, value=0.7), ended(3, value=0.9)]
    assert tally(PLAN, *ends).best == (0.5, 0)
    by_accuracy = Planned(text="as planned", best=0.6, best_trial=9, direction="maximize")
    assert tally(by_accuracy).best == (0.6, 9)
    assert tally(by_accuracy, *ends).best == (0.9, 1)
