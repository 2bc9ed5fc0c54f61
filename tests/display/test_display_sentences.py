"""Progress in words: on a live display, and on lines of its own."""

from __future__ import annotations

import pytest

from vrtune.display.sentences import clock, doing, line, note, places, status
from vrtune.display.tally import Tally
from vrtune.events import (
    Confirming,
    Event,
    Finished,
    Halved,
    Noted,
    Planned,
    Preparing,
    Retraining,
    RoundEnded,
    Stepped,
    TimeSpent,
)

PLAN = Planned(text="as planned", trials=30, epochs=20)


def tally(*events: Event) -> Tally:
    out = Tally(0.0, "starting", Planned(text=""))
    for event in events:
        out.take(event, 10.0)
    return out


def stepped(trial: int, epoch: int, step: int = 310, worker: int = 0) -> Stepped:
    return Stepped(trial=trial, epoch=epoch, step=step, steps=1500, worker=worker)


@pytest.mark.parametrize(
    ("seconds", "read"),
    [
        (0, "0:00"),
        (9.9, "0:09"),
        (61, "1:01"),
        (3599, "59:59"),
        (3661, "1:01:01"),
        (1e6, "277:46:40"),
    ],
)
def test_time(seconds: float, read: str) -> None:
    assert clock(seconds) == read


# ---- a live display ----------------------------------------------------------------------------


def test_before_anything_is_known() -> None:
    assert status(tally(), 3.0) == ("starting, 0:03 elapsed", [])
    assert status(tally(Preparing(text="reading mnist")), 65.0) == (
        "reading mnist, 1:05 elapsed",
        [],
    )


def test_a_search() -> None:
    events = [
        PLAN,
        Finished(number=0, state="complete", value=0.07123456),
        Finished(number=1, state="pruned", value=0.01),
        Finished(number=2, state="failed"),
        Finished(number=3, state="put back"),
        stepped(5, 7, worker=1),
        stepped(4, 2),
    ]
    assert status(tally(*events), 10.0) == (
        "3 of 30 trials, 0:10 elapsed",
        [
            "1 complete, 1 pruned, 1 failed, best 0.071235 (trial 0)",
            "trial 4: epoch 2 of 20, step 310 of 1,500",
            "trial 5: epoch 7 of 20, step 310 of 1,500",
        ],
    )
    beside, _ = status(tally(*events), 100.0)
    assert beside == "3 of 30 trials, 1:40 elapsed, about 11:52 left of the search"


def test_a_search_with_a_budget() -> None:
    plan = Planned(text="as planned", budget=200.0)
    found = tally(plan, RoundEnded(running=1, lanes=4, spent=50.0))
    assert doing(found) == "0 trials, 25% of the budget"
    assert doing(tally(plan, Finished(number=0, state="pruned"))) == "1 trial, 0% of the budget"


def test_many_trials_are_not_all_named() -> None:
    found = tally(PLAN, *(stepped(9 - n, 1, worker=n) for n in range(6)))
    assert places(found) == [
        *(f"trial {n}: epoch 1 of 20, step 310 of 1,500" for n in (4, 5, 6)),
        "and 3 more",
    ]
    beside = tally(PLAN, RoundEnded(running=16, lanes=64), stepped(4, 2))
    assert places(beside) == ["trial 4 and 15 more: epoch 2 of 20, step 310 of 1,500"]


def test_judging_again() -> None:
    begun = Confirming(trial=4, epoch=0, epochs=20, time=2, times=3)
    found = tally(PLAN, begun)
    judging = "judging trial 4 again on fresh starts (2 of 3)"
    assert status(found, 10.0) == ("0:10 elapsed", [judging])
    found.take(stepped(4, 1), 11.0)
    assert places(found) == ["epoch 1 of 20, step 310 of 1,500"]
    found.take(Confirming(trial=4, epoch=1, epochs=20, time=2, times=3), 12.0)
    assert places(found) == ["epoch 1 of 20"]
    assert doing(tally(Confirming(trial=4, epoch=1))) == "judging trial 4 again on fresh starts"


def test_training_again() -> None:
    doing_it = "training the best again with 3 seeds"
    found = tally(PLAN, Retraining(epoch=0, epochs=20, doing=doing_it), stepped(4, 5))
    assert status(found, 10.0) == (
        "0:10 elapsed",
        [doing_it, "epoch 5 of 20, step 310 of 1,500"],
    )
    alone = Tally(0.0, "training trial 4 again", Planned(text=""))
    alone.take(stepped(4, 5), 0.0)
    assert status(alone, 10.0) == (
        "training trial 4 again, 0:10 elapsed",
        ["epoch 5, step 310 of 1,500"],
    )


# ---- plain lines -------------------------------------------------------------------------------

ENDED = Finished(
    number=7, state="pruned", value=0.5, epoch=2, params={"lr": 1e-5, "n": 3}, seconds=1.25
)


@pytest.mark.parametrize(
    ("event", "said", "kept"),
    [
        (Preparing(text="reading mnist"), "reading mnist", ""),
        (PLAN, "as planned", "as planned"),
        (Noted(text="3 files\nare passed over"), r"3 files\nare passed over", None),
        (
            Halved(lanes=4),
            "out of memory: going on with 4 trainings at once",
            "out of memory: going on with 4 trainings at once",
        ),
        (ENDED, "trial 7    pruned    0.5      epoch 2    lr=1e-05, n=3  1.2 s", ""),
        (Finished(number=7, state="put back"), "trial 7    put back", ""),
        (Finished(number=7, state="failed"), "trial 7    failed", ""),
        (
            Finished(number=7, state="failed", reason="suggest raised \x1b[2J"),
            r"trial 7    failed: suggest raised \x1b[2J",
            r"trial 7    failed: suggest raised \x1b[2J",
        ),
        (Retraining(epoch=3), "", ""),
        (stepped(1, 1), "", ""),
        (RoundEnded(running=1, lanes=1), "", ""),
        (TimeSpent(times={}), "", ""),
    ],
)
def test_an_event_on_a_line_and_what_of_it_stays_on_a_terminal(
    event: Event, said: str, kept: str | None
) -> None:
    assert line(event) == said
    assert note(event) == (said if kept is None else kept)


def test_names_of_a_study_do_nothing_to_a_terminal() -> None:
    params = {"l\x1b]0;owned\x07r": "x\u202ey"}
    assert r"l\x1b]0;owned\x07r=x\u202ey" in line(Finished(number=1, state="pruned", params=params))
