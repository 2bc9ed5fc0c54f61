"""The progress of a search, from the events that the loop tells."""

from __future__ import annotations

import io
import sys

import pytest

from vrtune.cli.progress import Tally, shown
from vrtune.events import Finished, Retraining, RoundEnded

EVENTS = [
    RoundEnded(running=2, lanes=8, worker=0),
    RoundEnded(running=1, lanes=4, worker=1),
    Finished(number=0, state="complete", value=0.5, epoch=9, params={"lr": 0.1}),
    Finished(number=1, state="pruned", value=0.1, epoch=2, params={"lr": 1e-5}),
    Finished(number=2, state="complete", value=0.25, epoch=9, params={"n": 3}),
    Finished(number=3, state="diverged", value=0.9, epoch=1),
    Finished(number=4, state="put back"),
    RoundEnded(running=0, lanes=0, worker=1),
]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_events_add_up() -> None:
    tally = Tally(trials=8, epochs=9)
    assert tally.text(0.0) == "starting"
    for event in EVENTS:
        tally.take(event)
    assert tally.began is not None
    assert tally.finished == 4
    assert tally.left_s(tally.began + 60) == pytest.approx(60)
    assert tally.text(tally.began + 60) == (
        "4 of 8 trials, 1 pruned, 1 diverged, 1 put back, 2 running, 8 lanes busy, "
        "best 0.25 (trial 2), about 1:00 left"
    )
    tally.take(Retraining(epoch=3))
    assert tally.text(tally.began) == "training the best again: epoch 3 of 9"


def test_no_time_is_guessed_without_a_total() -> None:
    tally = Tally(trials=None, epochs=9)
    for event in EVENTS:
        tally.take(event)
    assert "left" not in tally.text(1e9)


def test_elsewhere_a_plain_line_a_trial(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(trials=8, epochs=9) as take:
        for event in [*EVENTS, Retraining(epoch=1), Retraining(epoch=2)]:
            take(event)
    said = capsys.readouterr()
    assert said.err == ""
    assert said.out.splitlines() == [
        "trial 0    complete  0.5      epoch 9    lr=0.1  0.0 s",
        "trial 1    pruned    0.1      epoch 2    lr=1e-05  0.0 s",
        "trial 2    complete  0.25     epoch 9    n=3  0.0 s",
        "trial 3    diverged  0.9      epoch 1      0.0 s",
        "trial 4    put back",
        "training the best again on the whole training set",
    ]


def test_json_leaves_both_streams_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(trials=8, epochs=9, json=True) as take:
        for event in EVENTS:
            take(event)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("json", [False, True])
def test_a_terminal_gets_one_live_line(json: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(), Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    with shown(trials=8, epochs=9, json=json) as take:
        for event in EVENTS:
            take(event)
    used, unused = (err, out) if json else (out, err)
    assert "4 of 8 trials" in used.getvalue()
    assert unused.getvalue() == ""
