"""vrtune search of several spaces: all is checked first, one failing stops no other, and all are
compared at the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.comparing.compare import Comparison
from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.searching import search as searching
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage
from vrtune.studies.counts import Counts

Run = Callable[..., str]
Complain = Callable[..., str]
TINY = (
    *("--model", "softmax", "--epochs", "1", "--folds", "2", "--limit", "100", "--trials", "2"),
    *("--jobs", "1", "--confirm", "0", "--retrain-seeds", "2"),
)
STUDIES = ["sgd-digits-softmax", "adam-digits-softmax"]
FAILING = "def suggest(trial):\n    trial.suggest_float('x', 0, 1)\n    raise ValueError('no')\n"
LATER = """from pathlib import Path
from vrtune import SGD, TrialConfig
def suggest(trial):
    if Path("studies.db").exists():
        raise ValueError("no")
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.01, 0.1)))
"""

pytestmark = pytest.mark.usefixtures("empty")


def invoke(*words: str) -> Any:
    return CliRunner().invoke(app, ["search", *words], prog_name="vrtune")


def studies() -> set[str]:
    """Those that there are."""
    if not Path("studies.db").exists():
        return set()
    return {study.study_name for study in open_storage("studies.db").get_all_studies()}


def test_spaces_are_searched_one_after_another_and_compared(run: Run) -> None:
    said = run("search", "sgd", "adam", *TINY)
    first, second = (said.index(f"search {i} of 2: {n}") for i, n in ((1, "sgd"), (2, "adam")))
    assert first < said.index("study                   sgd-digits-softmax in") < second
    table, last = said[second:].partition("\nmethod ")[2], said.splitlines()[-1]
    assert table.splitlines()[1].split()[0] == "sgd"
    assert "sgd - adam" in table
    assert "\nconclusion " in table
    assert last.split() == ["next", "vrtune", "report", *STUDIES]
    assert said.count("vrtune show") == 0
    assert said.count("loading PyTorch") == 1


def test_json_is_one_object(run: Run) -> None:
    done = invoke("sgd", "adam", *TINY, "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert [SearchResult(**each).study for each in answer["searches"]] == STUDIES
    compared = Comparison.model_validate(answer["comparison"])
    assert [row.study for row in compared.rows] == STUDIES
    assert [row.validation_loss.mean for row in compared.rows if row.validation_loss] == [
        each["best"]["value"] for each in answer["searches"]
    ]


def test_one_space_is_searched_as_ever(run: Run) -> None:
    said = run("search", "sgd", *TINY)
    assert "search 1 of" not in said
    assert "conclusion" not in said
    assert said.splitlines()[-2].split()[:3] == ["next", "vrtune", "show"]


# ---- what can be told before the first search ----------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("sgd", "nix"), 2, "there is no search space 'nix'"),
        (("sgd", "sgd"), 2, "would both be searched in study 'sgd-digits-softmax'"),
        (("sgd", "adam", "--study", "x"), 2, "--study 'x' names one study, and 2 spaces make as"),
        (("sgd", "adam", "--dataset", "none.npz"), 2, "none.npz"),
        (("sgd", "./failing.py"), 2, "suggest(trial) raised ValueError: no"),
        (("sgd", "./bad.py"), 2, "DEFAULT"),
        (("sgd", "adam", "--storage", "none/x.db"), 2, "none"),
    ],
)
def test_what_is_wrong_is_told_before_the_first_search(
    words: tuple[str, ...], status: int, says: str, complain: Complain
) -> None:
    Path("failing.py").write_text(FAILING)
    Path("bad.py").write_text(LATER + "DEFAULT = {'no': 1}\n")
    assert says in complain("search", *words, *TINY, status=status)
    assert not studies()


def test_another_task_of_a_study_is_told_before_the_first_search(
    run: Run, complain: Complain
) -> None:
    run("search", "adam", *TINY)
    said = complain("search", "sgd", "adam", *TINY, "--epochs", "2", status=2)
    assert "study 'adam-digits-softmax' holds another task (epochs was 1, now 2)" in said
    assert said.endswith("choose another name with --study, and search that space by itself")
    assert studies() == {"adam-digits-softmax"}


# ---- one fails, or is stopped --------------------------------------------------------------------


def test_one_that_fails_loses_no_other() -> None:
    Path("later.py").write_text(LATER)
    done = invoke("sgd", "./later.py", "adam", *TINY)
    assert done.exit_code == 2
    assert "1 of 3 searches gave nothing: ./later.py: " in done.stderr
    assert "ValueError: no" in done.stderr
    assert done.stdout.index("search 3 of 3: adam") < done.stdout.index("\nmethod ")
    assert {"sgd", "adam"} <= {line.split(" ")[0] for line in done.stdout.splitlines()}
    assert studies() >= {*STUDIES}


def test_without_a_complete_trial_there_is_a_table_of_dashes() -> None:
    done = invoke("sgd", "adam", *TINY, "--timeout", "1e-9", "--json")
    assert done.exit_code == 1
    assert done.stderr.startswith(
        "error: 2 of 2 searches gave nothing: sgd: no trial of study 'sgd"
    )
    assert [row["trial"] for row in json.loads(done.stdout)["comparison"]["rows"]] == [None, None]


def result(space: str, **more: Any) -> SearchResult:
    return SearchResult(
        study=f"{space}-digits-softmax",
        storage="studies.db",
        task=Task(),
        best=None,
        trials=Counts(),
        gradient_computations=0.0,
        seconds=1.0,
        **more,
    )


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("search", "queued again; to go on, with the same options: vrtune search adam 'a b.py'"),
        ("retraining", "to go on, with the same options: vrtune search 'a b.py'"),
    ],
)
@pytest.mark.parametrize("output", [(), ("--json",)])
def test_one_that_is_stopped_stops_all(
    part: str, says: str, output: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = []

    def search(space: str, *_: Any, **__: Any) -> SearchResult:
        begun.append(space)
        return result(space, stopped=space == "adam", stopped_in=part if space == "adam" else None)

    Path("a b.py").write_text(LATER)
    monkeypatch.setattr(searching, "search", search)
    done = invoke("sgd", "adam", "a b.py", *TINY, *output)
    assert (done.exit_code, begun) == (130, ["sgd", "adam"])
    assert done.stderr.splitlines()[-1].startswith("stopped: ")
    assert done.stderr.rstrip().endswith(says)
    if output:
        answer = json.loads(done.stdout)
        assert len(answer["searches"]) == 2
        assert answer["comparison"] is None


@pytest.mark.parametrize("output", [(), ("--json",)])
def test_one_that_is_stopped_before_it_runs_loses_no_other(
    output: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the third loads, after the first came to something and the second failed."""

    def search(space: str, *_: Any, **__: Any) -> SearchResult:
        if space == "adam":
            raise VrtuneError("no")
        if space == "storm":
            raise KeyboardInterrupt
        return result(space)

    monkeypatch.setattr(searching, "search", search)
    done = invoke("sgd", "adam", "storm", "svrg", *TINY, *output)
    assert done.exit_code == 130
    assert done.stderr.endswith("to go on, with the same options: vrtune search storm svrg\n")
    if output:
        answer = json.loads(done.stdout)
        assert [each["study"] for each in answer["searches"]] == ["sgd-digits-softmax"]
        assert answer["comparison"] is None


def test_stopped_while_it_compares_it_says_how_to_compare(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(searching, "search", lambda space, *_, **__: result(space))
    monkeypatch.setattr("vrtune.cli.several._compared", compare)
    done = invoke("sgd", "adam", *TINY)
    assert done.exit_code == 130
    names = " ".join(STUDIES)
    said = f"stopped: all are searched; to compare them: vrtune compare {names}"
    assert done.stderr.splitlines()[-1].startswith(said)


def test_errors_of_all_are_told_with_the_status_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    faults = iter([UsageError("one"), VrtuneError("two")])

    def search(*_: Any, **__: Any) -> SearchResult:
        raise next(faults)

    monkeypatch.setattr(searching, "search", search)
    done = invoke("sgd", "adam", *TINY)
    assert done.exit_code == 2
    assert done.stderr == "error: 2 of 2 searches gave nothing: sgd: one; adam: two\n"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_the_whole(number: signal.Signals) -> None:
    """In a process of its own, in the midst of the first search."""
    words = ["search", "sgd", "adam", *TINY, "--trials", "100000", "--epochs", "5"]
    with Path("out").open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "vrtune.cli.main", *words], stdout=out, stderr=out
        )
        until = time.monotonic() + 60
        while "complete" not in Path("out").read_text() and time.monotonic() < until:
            time.sleep(0.1)
        os.kill(process.pid, number)
        assert process.wait(60) == -signal.SIGINT
    said = Path("out").read_text()
    assert "search 2 of 2" not in said
    assert "vrtune search sgd adam" in said.splitlines()[-1]
    assert studies() == {"sgd-digits-softmax"}
