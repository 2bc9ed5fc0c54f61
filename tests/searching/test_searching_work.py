"""Those who search a study together: workers, and searches that join another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from reference.small_search import SPACE, TASK, trials_of

from vrtune import search, work
from vrtune.errors import UsageError
from vrtune.events import Event, Finished, Noted, Planned, RoundEnded
from vrtune.searching import running
from vrtune.searching.beside import OTHERS
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import prepare, understand
from vrtune.searching.processes import Processes
from vrtune.searching.settings import SearchSettings
from vrtune.studies import leases
from vrtune.studies.alive import identity
from vrtune.studies.goals import in_turn, left
from vrtune.studies.presence import Presence
from vrtune.studies.searches import read_searches, search_of

pytestmark = pytest.mark.usefixtures("empty")


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where retrainings leave their weights."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "LOOK_S", 0.02)


def opened(url: str, **given: Any) -> Work:
    """Study s, as a search has opened it: it trained nothing yet."""
    usual = {"trials": 3, "jobs": 1, "pruner": "none", "sampler": "random", "retrain": 0}
    settings = SearchSettings(storage=url, study="s", **{**usual, **given})
    return plan(prepare(understand(SPACE, TASK, settings)))


def states(url: str) -> list[str]:
    return [trial.state.name for trial in trials_of(url)]


def notes(events: list[Event]) -> list[str]:
    return [event.text for event in events if isinstance(event, Noted)]


@pytest.fixture
def another() -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this machine."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.kill()
    child.communicate()


def held(work: Work, pid: int) -> None:
    """A trial that another process trains."""
    with in_turn(work.study):
        trial = work.study.ask()
    trial.suggest_float("lr", 1e-3, 1.0, log=True)
    trial.suggest_int("svrg", 0, 1)
    trial.set_user_attr("worker", identity(pid))


# ---- workers -----------------------------------------------------------------------------------


def test_a_worker_trains_what_a_search_has_asked_for_and_then_ends(url: str) -> None:
    opening_search = opened(url)
    done = work("s", storage=url, jobs=1, progress=False)
    assert (done.trials, done.goal, done.reached, done.stopped_by) == (3, 3, True, None)
    assert states(url) == ["COMPLETE"] * 3
    searches = read_searches(opening_search.study)
    assert len(searches) == 1, "it is part of the search that opened the study"
    assert all(searches[0].same(search_of(searches, trial)) for trial in trials_of(url))
    assert work("s", storage=url, jobs=1, progress=False).trials == 0


@pytest.mark.slow
def test_a_worker_that_is_to_end_puts_its_trial_back(url: str, hears_signals: None) -> None:
    opened(url)

    def terminate(event: Event) -> None:
        if isinstance(event, RoundEnded):
            os.kill(os.getpid(), signal.SIGTERM)

    done = work("s", storage=url, jobs=1, progress=terminate)
    assert (done.trials, done.reached, done.stopped_by) == (0, False, signal.SIGTERM)
    assert states(url) == ["FAIL", "WAITING"]
    assert work("s", storage=url, jobs=1, progress=False).trials == 3
    assert states(url).count("COMPLETE") == 3, "the one that was cut off does not count"


@pytest.mark.parametrize("jobs", [0, "many", True])
def test_a_worker_has_one_process_or_more(url: str, jobs: Any) -> None:
    with pytest.raises(UsageError, match="jobs: give a"):
        work("s", storage=url, jobs=jobs)


# ---- searches that join ------------------------------------------------------------------------


@pytest.mark.slow
def test_where_nobody_else_searches_a_joined_study_is_searched_to_its_end(url: str) -> None:
    opened(url)
    events = list[Event]()
    given: dict[str, Any] = {"storage": url, "jobs": 1, "confirm": 0, "retrain_seeds": 1}
    found = search(study="s", progress=events.append, **given)
    assert (found.trials.complete, found.task) == (3, TASK)
    assert [again.seeds for again in found.retrained] == [1]
    assert next(event.trials for event in events if isinstance(event, Planned)) == 3
    with pytest.raises(UsageError, match=r"'s' has all the trials .*: give --trials for more"):
        search(study="s", progress=False, **given)
    assert search(study="s", trials=1, progress=False, **given).trials.complete == 4


@pytest.mark.slow
def test_where_the_search_goes_on_that_opened_the_study_it_concludes(url: str) -> None:
    opened_by, events = opened(url), list[Event]()
    with Presence(opened_by.study, opened_by.entry):
        found = search(study="s", storage=url, jobs=1, progress=events.append)
        assert found.trials.complete == 3
        assert found.retrained == ()
        assert found.confirmed == 0
        assert notes(events)[-1].startswith("the search that began this study judges and trains")
        assert search(study="s", trials=1, storage=url, jobs=1, progress=False).retrained == ()
    assert [entry.joined for entry in read_searches(opened_by.study)] == [False, True, True]


@pytest.mark.slow
def test_a_second_search_adds_its_trials_to_those_of_the_first(url: str) -> None:
    first = opened(url)
    with Presence(first.study, first.entry):
        assert opened(url, trials=4).beside == (first.entry,)
        assert left(first.study) == 7
    assert opened(url, trials=4).beside == ()
    assert left(first.study) == 4, "nobody is there to run the others"


# ---- the last trials ---------------------------------------------------------------------------


def test_trials_of_others_are_waited_for_and_trained_here_if_they_are_left(
    url: str, another: subprocess.Popen[bytes]
) -> None:
    asked, events = opened(url, trials=2), list[Event]()
    held(asked, another.pid)

    def kill(event: Event) -> None:
        events.append(event)
        if isinstance(event, Noted) and event.text.startswith("others train"):
            another.kill()
            another.wait()

    with Processes(0) as processes:
        _, by = running.run(asked, processes, kill)
    assert by is None
    assert notes(events) == ["others train the last trial: waiting for that"]
    assert sorted(states(url)) == ["COMPLETE", "COMPLETE", "FAIL"]


def test_a_trial_whose_process_was_killed_before_it_signed_is_made_up_for(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search would end with a trial too few, and that one in training for ever."""
    monkeypatch.setattr(leases, "CLAIM_S", 0.1)
    asked = opened(url, trials=2)
    asked.study.ask()
    with Processes(0) as processes:
        running.run(asked, processes, lambda event: None)
    assert sorted(states(url)) == ["COMPLETE", "COMPLETE", "FAIL"]


@pytest.mark.slow
def test_who_waits_is_told_what_others_have_ended(
    url: str, another: subprocess.Popen[bytes]
) -> None:
    asked, events = opened(url, trials=2), list[Event]()
    held(asked, another.pid)

    def end(event: Event) -> None:
        events.append(event)
        if isinstance(event, Noted) and event.text.startswith("others train"):
            asked.study.tell(0, 0.25)

    with Processes(0) as processes:
        running.run(asked, processes, end)
    ends = [e for e in events if isinstance(e, Finished)]
    assert [(e.number, e.worker) for e in ends] == [(1, 0), (0, OTHERS)]


@pytest.mark.slow
def test_who_waits_may_stop(
    url: str, another: subprocess.Popen[bytes], hears_signals: None
) -> None:
    asked = opened(url, trials=1)
    held(asked, another.pid)

    def stop(event: Event) -> None:
        if isinstance(event, Noted) and event.text.startswith("others train"):
            os.kill(os.getpid(), signal.SIGINT)

    with Processes(0) as processes:
        _, by = running.run(asked, processes, stop)
    assert by == signal.SIGINT
    assert states(url) == ["RUNNING"], "it is another's"


@pytest.mark.slow
def test_once_its_time_is_over_no_other_trial_starts_anywhere(url: str) -> None:
    asked = opened(url, trials=9, timeout=1e-9)
    with Processes(0) as processes:
        running.run(asked, processes, lambda event: None)
    assert left(asked.study) == 0
    first = opened(url, trials=9)
    with Presence(first.study, first.entry):
        second = opened(url, trials=1, timeout=1e-9)
        with Processes(0) as processes:
            running.run(second, processes, lambda event: None)
        assert left(asked.study) == 10, "the first one goes on"
    assert TrialState.RUNNING.name not in states(url)
