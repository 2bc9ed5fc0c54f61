"""A search, workers and searches that join it, each a program of its own, as on many machines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.trial import FrozenTrial, TrialState

from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.goals import raise_goal
from vrtune.studies.record import load_study
from vrtune.studies.searches import read_searches

pytestmark = pytest.mark.slow

SEARCH = (
    "search", "sgd", "--model", "softmax", "--folds", "2", "--limit", "400", "--pruner", "none",
    "--study", "s", "--jobs", "1", "--confirm", "0", "--retrain-seeds", "1",
)  # fmt: skip
JOIN = ("search", "--study", "s", "--jobs", "1", "--confirm", "0", "--retrain-seeds", "1")
WORK = ("work", "s", "--jobs", "1", "--json")
WAIT_S = 120

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(params=["sqlite:///studies.db", "studies.journal"])
def storage(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return str(request.param)


@pytest.fixture
def start(storage: str) -> Iterator[Start]:
    """Starts vrtune with these words; what is left at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def program(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "vrtune.cli.main", *words, "--storage", storage]
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield program
    for process in started:
        process.kill()
        process.communicate()


def trials(storage: str) -> list[FrozenTrial]:
    try:
        return load_study(open_to_read(storage), "s", storage).get_trials(deepcopy=False)
    except Exception:  # there is none yet
        return []


def wait(what: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < until
        time.sleep(0.1)


def trained_by(storage: str, process: subprocess.Popen[str]) -> list[FrozenTrial]:
    found = [t for t in trials(storage) if t.user_attrs.get("worker", {}).get("pid") == process.pid]
    return [trial for trial in found if trial.intermediate_values]


def test_together_they_make_what_was_asked_for_and_no_more(storage: str, start: Start) -> None:
    first = start(*SEARCH, "--trials", "400", "--epochs", "20")
    wait(lambda: bool(trials(storage)))
    worker, joined = start(*WORK), start(*JOIN)
    wait(lambda: all(trained_by(storage, each) for each in (first, worker, joined)))
    study = load_study(open_storage(storage), "s", storage)
    goal = raise_goal(study, 5, others=False).trials  # all are at it by now
    said = [each.communicate(timeout=WAIT_S) for each in (first, worker, joined)]
    assert [each.returncode for each in (first, worker, joined)] == [0] * 3, said
    assert Counter(trial.state.name for trial in trials(storage)) == {"COMPLETE": goal}
    assert json.loads(said[1][0])["goal"] == goal
    assert "test loss" in said[0][0]
    assert "test loss" not in said[2][0], "the first one concludes"
    assert sum(entry.ran or 0 for entry in read_searches(study)) == goal


def test_one_that_joined_concludes_where_the_first_was_killed(storage: str, start: Start) -> None:
    """And trains what that and a worker leave, from the epoch that they had come to."""
    first = start(*SEARCH, "--trials", "8", "--epochs", "200", "--checkpoint", "1")
    wait(lambda: bool(trained_by(storage, first)))
    worker, joined = start(*WORK), start(*JOIN)
    wait(lambda: all(trained_by(storage, process) for process in (worker, joined)))
    first.kill()
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=WAIT_S)
    assert worker.returncode == -signal.SIGTERM
    out, err = joined.communicate(timeout=WAIT_S)
    assert joined.returncode == 0, err
    assert "test loss" in out
    ended = trials(storage)
    cut_off = [trial for trial in ended if trial.user_attrs.get("cut off")]
    assert {trial.state for trial in cut_off} == {TrialState.FAIL}
    assert Counter(t.state.name for t in ended) == {"COMPLETE": 8, "FAIL": len(cut_off)}
    assert len(cut_off) >= 2  # one each, and those that a fresh study starts together
    assert any(trial.user_attrs.get("continued") for trial in ended)
