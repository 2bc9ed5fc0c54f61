"""What is counted as training, and how full the slots are."""

from __future__ import annotations

import time

import pytest

from vrtune.searching.timesheet import Stopwatch, Timesheet


def test_sheets_of_processes_add_up() -> None:
    one = Timesheet(training=6.0, judging=2.0, seating=1.0, total=10.0, offered=20.0, taken=18.0)
    two = Timesheet(training=9.0, judging=0.5, seating=0.0, total=10.0, offered=10.0, taken=9.0)
    both = one + two
    assert both.outside == pytest.approx(1 - 18.5 / 20)
    assert both.occupancy == pytest.approx(0.9)
    assert Timesheet().occupancy is None
    assert Timesheet().outside == 0.0


def test_rounds_after_the_last_trial_started_are_not_offered() -> None:
    watch = Stopwatch()
    with watch.measure("training"):
        time.sleep(0.05)
    watch.round(4, 3, 0.05, more=True)
    offered = watch.offered
    assert offered == pytest.approx(4 * 0.05, rel=0.5)  # a sleep may take longer
    assert watch.taken == pytest.approx(0.15)
    watch.round(4, 1, 0.05, more=False)
    assert (watch.offered, watch.taken) == (offered, pytest.approx(0.15))
    sheet = watch.sheet()
    assert sheet.training >= 0.05
    assert sheet.total >= sheet.training


def test_a_second_core_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("vrtune.searching.timesheet.time.perf_counter", lambda: now)
    watch = Stopwatch()
    for cores, seconds in ((1, 3.0), (2, 5.0)):
        watch.use(cores)
        with watch.measure("training"):
            now += seconds
    sheet = watch.sheet()
    assert (sheet.training, sheet.total, sheet.wall) == (13.0, 13.0, 8.0)
