"""vrtune work, and vrtune search of a study that is joined, as commands."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import STUDY, Complain

from vrtune.storages.opening import open_storage
from vrtune.studies.goals import raise_goal
from vrtune.studies.record import load_study

URL = "sqlite:///studies.db"


def test_a_worker_of_a_study_that_has_all_says_so(studies: Path, run: Callable[..., str]) -> None:
    said = json.loads(run("work", STUDY, "--jobs", "1", "--json"))
    assert (said.pop("seconds") < 60, said) == (
        True,
        {
            "study": STUDY,
            "storage": URL,
            "trials": 0,
            "goal": 2,
            "reached": True,
            "stopped_by": None,
        },
    )


@pytest.mark.slow
def test_a_worker_trains_what_is_left(studies: Path, run: Callable[..., str]) -> None:
    study = load_study(open_storage(URL), STUDY, URL)
    raise_goal(study, 1, others=False)
    said = run("work", STUDY, "--jobs", "1")
    assert "1 process, 1 trial at a time" in said
    assert "trials                  1 ended here\n" in said
    assert "goal                    3 trials, all started\n" in said
    assert len(study.get_trials()) == 3


def test_there_is_nothing_to_join(empty: Path, complain: Complain) -> None:
    said = complain("search", status=2)
    assert said.startswith("missing argument 'SPACE': give a search space")
    assert complain("work", "none", status=2).startswith("there is no studies.db here")


def test_what_contradicts_a_study_is_told_by_the_option(studies: Path, complain: Complain) -> None:
    """An option that is left out contradicts nothing, whatever its default."""
    join = ("search", "--study", STUDY, "--trials", "1")
    assert complain(*join, "--epochs", "3", status=2).startswith("epochs is 2 in study")
    assert complain(*join, "--epochs", "2", "--pruner", "none", status=2).startswith("pruner is ")
