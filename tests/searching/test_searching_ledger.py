"""The storage's side of the loop: in order, and nothing lost after an error."""

from __future__ import annotations

import time
from concurrent.futures import wait
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from vrtune import spaces
from vrtune.searching.ledger import Ledger
from vrtune.studies.leases import OpenTrials

BREAKS = """
from vrtune import SGD, TrialConfig
def suggest(trial):
    lr = trial.suggest_float("lr", 0.1, 0.2)
    if trial.number == 1:
        raise RuntimeError("out of ideas")
    return TrialConfig(optimizer=SGD(lr=lr))
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    path = tmp_path / "breaks.py"
    path.write_text(BREAKS)
    study = optuna.create_study(study_name="s")
    return Ledger(OpenTrials(study), spaces.load(str(path)), lambda: True)


def test_calls_are_made_in_order(ledger: Ledger) -> None:
    seen: list[int] = []
    with ledger:
        for i in range(20):
            ledger.later(seen.append, i)
        ledger.settle()
        assert seen == list(range(20))


def test_an_error_is_raised_when_all_that_came_after_is_done(ledger: Ledger) -> None:
    seen: list[str] = []
    with ledger:
        ledger.later(lambda: 1 / 0)
        ledger.later(lambda: time.sleep(0.1))
        ledger.later(seen.append, "after")
        with pytest.raises(ZeroDivisionError):
            ledger.settle()
        assert seen == ["after"]
        ledger.settle()


def test_trials_asked_for_after_an_error_are_put_back(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are asked for, the storage breaks at the second; a third was queued behind it."""
    take, count = OpenTrials.take, 0

    def flaky(trials: OpenTrials) -> optuna.Trial:
        nonlocal count
        count += 1
        if count == 2:
            raise StorageInternalError("the server closed the connection")
        return take(trials)

    monkeypatch.setattr(OpenTrials, "take", flaky)
    with ledger:
        ledger.ask(2)
        ledger.ask(3)
        with pytest.raises(StorageInternalError, match="closed the connection"):
            ledger.settle()
        assert len(ledger.put_back()) >= 2
        states = [t.state for t in ledger.trials.study.get_trials(deepcopy=False)]
    assert TrialState.RUNNING not in states
    assert states.count(TrialState.WAITING) >= 2


def test_a_second_interrupt_while_it_settles_loses_no_trial(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(pending: object, timeout: float) -> None:
        monkeypatch.setattr("vrtune.searching.ledger.wait", wait)
        raise KeyboardInterrupt

    with ledger:
        ledger.later(time.sleep, 0.1)
        ledger.ask(1)
        monkeypatch.setattr("vrtune.searching.ledger.wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            ledger.settle()
        ledger.put_back()
        states = [t.state for t in ledger.trials.study.get_trials(deepcopy=False)]
    assert TrialState.RUNNING not in states
