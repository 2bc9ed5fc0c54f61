"""Which searches of a study go on, on this machine and on others, and which one concludes it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import optuna
import pytest
import torch

from vrtune import spaces
from vrtune.searching.settings import SearchSettings
from vrtune.studies import presence
from vrtune.studies.alive import identity, pulse
from vrtune.studies.presence import Presence, concludes, lives, others, say
from vrtune.studies.searches import SearchEntry, begin, finish

ELSEWHERE: dict[str, Any] = {"host": "far", "boot": "another", "namespace": ""}
BEGAN = datetime.now().astimezone()
FELT = "another 12.5"  # by the clock of another machine


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def begun(study: optuna.Study, at: int = 0, *, joined: bool = False, **worker: Any) -> SearchEntry:
    """A search that began so many seconds later than others, of a process that is this one but for
    what is said of it."""
    entry = begin(
        study,
        spaces.load("sgd"),
        SearchSettings(),
        device=torch.device("cpu"),
        processes=1,
        joined=joined,
        plan="",
        parameters=7,
        samples=100,
        shape=(1, 8, 8),
    )
    first = {**identity(), **worker}
    kept = {**entry.model_dump(), "began": BEGAN + timedelta(seconds=at), "workers": [first]}
    made = SearchEntry.model_validate(kept)
    study._storage._studies[study._study_id].user_attrs.pop(entry.name, None)  # type: ignore
    study.set_user_attr(made.name, made.model_dump(mode="json"))
    return made


@contextmanager
def process() -> Iterator[int]:
    """Another one of this machine."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        yield child.pid
    finally:
        child.kill()
        child.communicate()


def test_a_search_of_this_process_goes_on_while_it_says_so(study: optuna.Study) -> None:
    entry = begun(study)
    say(study, entry)
    assert lives(study, entry) is False, "no search of this process is open"
    with Presence(study, entry):
        assert lives(study, entry) is True
        assert others(study) == [entry]
        assert others(study, entry) == []
    assert lives(study, entry) is False


def test_signs_are_given_on_a_timer_and_taken_back(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "HEARTBEAT_S", 0.01)
    entry, given = begun(study), list[str | None]()
    monkeypatch.setattr(presence, "say", lambda study, entry, sign=None: given.append(sign))
    with Presence(study, entry) as open_:
        while not given:
            open_._over.wait(0.01)
    assert given[-1] == ""
    assert given[0] is None


def test_one_of_a_process_here_goes_on_as_long_as_that_lives(study: optuna.Study) -> None:
    with process() as pid:
        entry = begun(study, **identity(pid))
        assert lives(study, entry) is False, "it never gave a sign"
        say(study, entry)
        assert lives(study, entry) is True
    assert lives(study, entry) is False


def test_one_on_another_machine_is_watched(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = begun(study, **ELSEWHERE)
    say(study, entry, FELT)
    assert lives(study, entry) is None
    assert others(study) == [entry], "it may"
    say(study, entry, "another 42.5")
    assert lives(study, entry) is True
    monkeypatch.setattr(presence, "GRACE_S", -1.0)
    assert lives(study, entry) is False


def test_one_in_another_container_of_this_machine_is_told_by_its_clock(study: optuna.Study) -> None:
    entry = begun(study, **{**ELSEWHERE, "boot": identity()["boot"]})
    say(study, entry, pulse())
    assert lives(study, entry) is True
    clock, _, at = pulse().rpartition(" ")
    say(study, entry, f"{clock} {float(at) - 1000}")
    assert lives(study, entry) is False


def test_a_search_that_has_ended_is_none_of_those_that_go_on(study: optuna.Study) -> None:
    entry = begun(study)
    with Presence(study, entry):
        say(study, entry)
        finish(study, entry, {}, stopped=False)
        assert others(study) == []


@pytest.mark.parametrize(
    ("other", "ours"),
    [
        ({"at": -1}, False),  # the one that was joined
        ({"at": 1}, False),  # a later one that joins nobody concludes by itself
        ({"at": -1, "joined": True}, False),
        ({"at": 1, "joined": True}, True),  # of those that joined the first
    ],
)
def test_of_several_searches_one_concludes(
    study: optuna.Study, other: dict[str, Any], *, ours: bool
) -> None:
    mine = begun(study, joined=True)
    with process() as pid:
        entry = begun(study, **{**other, **identity(pid)})
        say(study, entry)
        assert concludes(study, mine, [entry]) is ours
    assert concludes(study, mine, [entry]) is True, "nobody else is left"


def test_who_can_not_be_seen_yet_may_conclude(study: optuna.Study) -> None:
    mine, other = begun(study, joined=True), begun(study, at=-1, **ELSEWHERE)
    say(study, other, FELT)
    assert concludes(study, mine, [other]) is None


@pytest.mark.parametrize("stopped", [False, True])
def test_one_that_ran_to_its_end_meanwhile_concludes(study: optuna.Study, *, stopped: bool) -> None:
    mine, other = begun(study, joined=True), begun(study, at=-1)
    finish(study, other, {}, stopped=stopped)
    assert concludes(study, mine, [other]) is stopped
    assert concludes(study, mine, []) is True, "it had ended before"
