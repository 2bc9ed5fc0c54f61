"""Signals as flags, calls that never return, and what is put back all the same."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from reference.small_search import TASK, trials_of

from vrtune import search
from vrtune.errors import VrtuneError
from vrtune.events import Event
from vrtune.searching import ledger, lookout
from vrtune.searching.background import Background
from vrtune.searching.interrupts import interrupts, unwinding, within

pytestmark = pytest.mark.usefixtures("hears_signals")

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
HANGS = """
import pathlib
import time
from vrtune import SGD, TrialConfig
def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 1.0)
    if trial.number > 1:
        {hang}
    return TrialConfig(optimizer=SGD(lr=lr))
"""


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What hangs hangs until the test is over."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_a_flag_and_the_next_one_ends(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with interrupts() as asked:
        assert not asked()
        signal.raise_signal(number)
        assert asked()
        assert asked.by == number
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(SIGNALS[0])
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_terminal_may_close_where_it_was_said_not_to_matter() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with unwinding(), interrupts() as asked:
            signal.raise_signal(signal.SIGHUP)
            assert not asked()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", SIGNALS[1:])
def test_before_there_is_a_flag_signals_end_the_program_in_order(number: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), unwinding():
        signal.raise_signal(number)
    assert signal.getsignal(number) is signal.SIG_DFL


def test_in_another_thread_there_are_no_signals() -> None:
    found: list[bool] = []

    def look() -> None:
        with unwinding(), interrupts() as asked:
            found.append(asked())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [False]


def test_a_call_that_hangs_is_left_behind(released: threading.Event) -> None:
    began = time.monotonic()
    assert within(5.0, 0.1, lambda: None)
    assert within(5.0, 0.1, lambda: [][0]), "its error is not the one to be seen"
    assert not within(0.1, 0.1, released.wait)
    assert time.monotonic() - began < 4
    background = Background("test")
    background.submit(released.wait)
    while background.busy_s() < 0.1:
        time.sleep(0.01)
    background.end(0.0)


def hanging_search(
    tmp_path: Path, url: str, hang: str, progress: Callable[[Event], None] | None = None, **given
) -> list[Event]:
    (tmp_path / "hangs.py").write_text(HANGS.format(hang=hang))
    events: list[Event] = []

    def tell(event: Event) -> None:
        events.append(event)
        if progress:
            progress(event)

    settings = {"trials": 6, "jobs": 1, "pruner": "none", "sampler": "random", "retrain": 0}
    search(
        tmp_path / "hangs.py", TASK, study="s", storage=url, progress=tell, **{**settings, **given}
    )
    return events


def states(url: str) -> Counter[TrialState]:
    return Counter(trial.state for trial in trials_of(url))


PUT_BACK = {TrialState.COMPLETE: 2, TrialState.FAIL: 1, TrialState.WAITING: 1}


@pytest.mark.slow
def test_the_time_ends_a_search_whose_space_hangs(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "HUNG_S", 0.3)
    monkeypatch.setattr(ledger, "PATIENCE_S", 0.3)
    hang, began = "t = time.time()\n        while time.time() < t + 9: pass", time.monotonic()
    with pytest.raises(VrtuneError, match=r"suggest\(trial\) has not returned for . s \(trial 2\)"):
        hanging_search(tmp_path, url, hang, timeout=4)
    assert time.monotonic() - began < 8
    assert states(url) == PUT_BACK


@pytest.mark.parametrize(
    ("number", "times"),
    [
        (signal.SIGINT, 2),
        pytest.param(signal.SIGHUP, 1, marks=pytest.mark.slow),
        pytest.param(signal.SIGTERM, 2, marks=pytest.mark.slow),
    ],
)
def test_a_user_ends_a_search_whose_space_hangs(
    tmp_path: Path, url: str, number: signal.Signals, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked once, it is patient for a while; asked twice, it is not."""
    monkeypatch.setattr(ledger, "PATIENCE_S", 0.5 if times == 1 else 60.0)
    monkeypatch.setattr(ledger, "URGED_S", 0.5)
    ended = 0

    def ask(event: Event) -> None:
        nonlocal ended
        ended += event.kind == "finished" and event.state == "complete"
        if ended == 2 and event.kind == "finished" and event.state == "complete":
            for i in range(times):
                threading.Timer(0.3 + 0.5 * i, os.kill, [os.getpid(), number]).start()

    over = tmp_path / "over"
    hang = f"while not pathlib.Path({str(over)!r}).exists(): time.sleep(0.02)"
    try:
        with pytest.raises(KeyboardInterrupt):
            hanging_search(tmp_path, url, hang, ask)
        assert states(url) == PUT_BACK
    finally:
        over.touch()
        time.sleep(0.5)  # its thread puts the working folder back, which the next test may change


def test_a_storage_that_never_answers_holds_nobody_up(
    tmp_path: Path, url: str, released: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "HUNG_S", 0.3)
    for name in ("PATIENCE_S", "PUTTING_BACK_S"):
        monkeypatch.setattr(ledger, name, 0.3)
    tell = optuna.Study.tell

    def hung(study: optuna.Study, *args: object, **named: object) -> object:
        released.wait()
        return tell(study, *args, **named)

    monkeypatch.setattr(optuna.Study, "tell", hung)
    with pytest.raises(VrtuneError, match=r"the storage has not answered for . s"):
        hanging_search(tmp_path, url, "pass", timeout=3)


def test_a_listener_that_fails_keeps_no_trial(tmp_path: Path, url: str) -> None:
    """As where the terminal it prints to was closed."""

    def closed(event: Event) -> None:
        if event.kind in ("round", "finished", "timesheet"):
            raise BrokenPipeError("nobody listens")

    with pytest.raises(BrokenPipeError):
        hanging_search(tmp_path, url, "pass", closed)
    assert states(url) == {TrialState.FAIL: 1, TrialState.WAITING: 1}
