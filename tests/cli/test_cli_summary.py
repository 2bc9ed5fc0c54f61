"""What a search proposes at its end can be copied into a shell, whatever things are called."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from typer.testing import CliRunner

from vrtune import Task
from vrtune.cli.main import app
from vrtune.cli.summary import proposed, summary
from vrtune.searching import search as searching
from vrtune.searching.result import SearchResult
from vrtune.studies.counts import Counts

USUAL = "sqlite:///studies.db"


def result(study: str, storage: str = USUAL, **more: Any) -> SearchResult:
    return SearchResult(
        study=study,
        storage=storage,
        task=Task(),
        best=None,
        trials=Counts(complete=1),
        gradient_computations=1.0,
        seconds=1.0,
        **more,
    )


@pytest.mark.parametrize(
    ("study", "storage", "words"),
    [
        ("plain", USUAL, ["vrtune", "show", "plain"]),
        ("my first study", USUAL, ["vrtune", "show", "my first study"]),
        ("it's; $(rm x) & `y` | z", USUAL, ["vrtune", "show", "it's; $(rm x) & `y` | z"]),
        ("-x", USUAL, ["vrtune", "show", "--", "-x"]),
        ("--json", "a b.log", ["vrtune", "show", "--storage", "a b.log", "--", "--json"]),
        (
            "a*",
            "sqlite:///a & b/it's.db",
            ["vrtune", "show", "a*", "--storage", "sqlite:///a & b/it's.db"],
        ),
    ],
)
def test_the_next_command_is_quoted(study: str, storage: str, words: list[str]) -> None:
    lines = list(summary(result(study, storage)))
    ((_, text),) = [line for line in lines if line[0] == "next"]
    assert shlex.split(text) == words
    assert shlex.split(lines[-1][1]) == shlex.split(proposed("dashboard", storage=storage))


def test_the_proposed_command_finds_the_study(studies: object) -> None:
    words = shlex.split(proposed("show", "-x y", storage=USUAL))[1:]
    done = CliRunner().invoke(app, words)
    assert "there is no study '-x y'" in done.stderr  # and no "no such option"


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("search", "open trials are queued again; the same command continues the study"),
        ("confirmation", "vrtune retrain 'my study' --storage x.log"),
        ("retraining", "vrtune retrain 'my study' --storage x.log"),
    ],
)
def test_a_search_that_was_stopped_says_how_to_go_on(
    part: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = result("my study", "x.log", stopped=True, stopped_in=part)
    monkeypatch.setattr(searching, "search", lambda *_, **__: stopped)
    done = CliRunner().invoke(app, ["search", "sgd", "--storage", "x.log"])
    assert done.exit_code == 130
    assert done.stderr.splitlines()[-1].startswith("stopped: ")
    assert says in done.stderr
