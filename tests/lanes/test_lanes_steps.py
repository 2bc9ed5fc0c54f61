"""How far into an epoch the lanes are is said, though seldom."""

from __future__ import annotations

import pytest
from reference.small_search import TASK, run

from vrtune.events import Event, Stepped
from vrtune.lanes import steps

BATCHES = 2  # of an epoch: a fold of 120 samples trains on 60, 32 at a time


def said(url: str) -> list[Stepped]:
    events: list[Event] = []
    run(url, 3, slots=2, progress=events.append)
    return [event for event in events if isinstance(event, Stepped)]


def test_every_step_can_be_said(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "EVERY_S", 0.0)
    at = [(event.trial, event.epoch, event.step) for event in said(url)]
    assert {event.steps for event in said(url)} == {BATCHES}
    every = [(epoch, step) for epoch in range(1, TASK.epochs + 1) for step in (1, 2)]
    assert [(epoch, step) for trial, epoch, step in at if trial == 0] == every
    assert 1 not in [trial for trial, _, _ in at], "it trains beside the first"


def test_twice_a_second_at_most(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "EVERY_S", 1e9)
    assert len(said(url)) == 1
