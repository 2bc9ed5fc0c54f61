"""Every foreseeable fault ends in one sentence and an exit status, with nothing half-written."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.data import downloads
from vrtune.storages.opening import open_storage

Complain = Callable[..., str]
Run = Callable[..., str]
STUDY = "sgd-digits-softmax"
SOFTMAX = ("--model", "softmax", "--epochs", "2", "--limit", "200", "--folds", "2", "--jobs", "1")


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ("serch sgd", "no such command 'serch', did you mean 'search'?"),
        ("search", "missing argument 'SPACE'"),
        ("search sgd --fold 3", "--folds"),
        ("search sgd --folds x", "--folds: Input should be a valid integer"),
        ("search sgd --device tpu", "--device: choose auto, cpu, cuda, cuda:N or mps (got 'tpu')"),
        ("search sgd --fuse maybe", "--fuse: Input should be 'auto', 'on' or 'off' (got 'maybe')"),
        ("search sgd --folds 1", "--folds: Input should be greater than or equal to 2 (got '1')"),
        ("search sgd --batch-size 0", "--batch-size: Input should be greater than 0 (got '0')"),
        ("search sgd --norm group", "--norm: Input should be 'none', 'batch' or 'layer'"),
        ("search sgd --jobs -2", "--jobs: give a whole number above 0, or auto (got '-2')"),
        ("search sgd --lanes many", "--lanes: give a whole number above 0, or auto (got 'many')"),
        ("search sgd --trials 0", "--trials: Input should be greater than 0"),
        ("search sgd --timeout 0", "--timeout: Input should be greater than 0"),
        ("search sgd --retrain -1", "--retrain: Input should be greater than or equal to 0"),
        ("search sdg", "did you mean sgd?"),
        ("search none.py", "there is no file none.py"),
        ("search sgd --dataset digit", "did you mean 'digits'?"),
        ("search sgd --model lent", "did you mean lenet?"),
        ("search sgd --init meta", "choose one of any, default, he, metainit"),
        (
            "search sgd --sampler best",
            "--sampler: Input should be 'auto', 'tpe', 'random', 'qmc', 'gp' or 'grid'",
        ),
        ("search sgd --pruner best", "--pruner: Input should be 'folds', 'median', 'percentile'"),
        ("search sgd --study ../x", "--study: give a name without / and .."),
        ("search sgd --limit 30 --folds 5", "use at most 3 folds"),
        ("search sgd --limit 200 --batch-size 190", "use at most 150"),
        ("search sgd --storage studies", "is no storage URL"),
        ("search sgd --storage sqlite:///none/studies.db", "there is no folder none"),
        ("show x", "there is no studies.db here"),
        ("retrain x", "there is no studies.db here"),
        ("retrain x --trial 1 --top 2", "exclude each other"),
        ("export x", "there is no studies.db here"),
        ("export", "give the name of a STUDY, or --schema"),
        ("list studies", "there is no studies.db here"),
        ("list things", "'spaces', 'studies', 'models', 'datasets', 'methods'"),
        ("dashboard", "there is no studies.db here"),
        ("dashboard --port 70000", "--port"),
    ],
)
@pytest.mark.usefixtures("empty")
def test_a_wrong_request_ends_with_2(args: str, says: str, complain: Complain) -> None:
    assert says in complain(*args.split(), status=2)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("def suggest(trial): raise KeyError('x')", "raised KeyError: 'x'"),
        ("def suggest(trial): return 3", "must return a TrialConfig, not int"),
        ("def suggest(trial): return TrialConfig(optimizer=SGD(lr=-1.0))", "greater than 0"),
        (
            "def suggest(trial): return TrialConfig(optimizer=SGD(lr=1, weight_decy=1))",
            "weight_decy",
        ),
        ("def suggest(trial): return TrialConfig(optimizer=SGD())", "set lr"),
        ("raise OSError('no')", "can't be imported: OSError: no"),
        ("def suggest(trial) return", "can't be imported: SyntaxError"),
        ("x = 1", "define suggest(trial)"),
    ],
)
def test_a_faulty_space_ends_with_2(body: str, says: str, empty: Path, complain: Complain) -> None:
    (empty / "mine.py").write_text(f"from vrtune import SGD, TrialConfig\n{body}\n")
    assert says in complain("search", "mine.py", status=2)


def test_missing_data_end_with_1(
    empty: Path, complain: Complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr(downloads, "_fetch", offline)
    assert "mnist is missing or damaged" in complain(
        "search", "sgd", "--dataset", "mnist", status=1
    )
    (empty / "images").mkdir()
    assert "holds no folder 'train'" in complain("search", "sgd", "--dataset", "images", status=1)


@pytest.mark.parametrize(
    "command", ["search sgd", "show x", "retrain x", "export x", "list studies", "dashboard"]
)
def test_an_unreadable_database_ends_with_1(command: str, empty: Path, complain: Complain) -> None:
    (empty / "studies.db").write_text("not a database, but long enough to look like one\n" * 40)
    assert "studies.db can't be used: it is no SQLite database; give another" in complain(
        *command.split(), status=1
    )


def test_a_locked_database_ends_with_1(studies: Path, complain: Complain, run: Run) -> None:
    url = "sqlite:///studies.db?timeout=0.1"
    holder = sqlite3.connect(studies / "studies.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    said = complain("search", "sgd", *SOFTMAX, "--storage", url, status=1)
    assert "is locked by another program: close it or wait for it" in said
    assert STUDY in run("show", STUDY)  # who only reads need not wait
    holder.close()


@pytest.mark.parametrize("command", ["show", "retrain", "export"])
@pytest.mark.usefixtures("studies")
def test_an_unknown_study_ends_with_2(command: str, complain: Complain) -> None:
    assert f"it holds {STUDY}" in complain(command, "none", status=2)


@pytest.mark.usefixtures("studies")
def test_another_task_under_the_same_name_ends_with_2(complain: Complain) -> None:
    said = complain("search", "adam", "--study", STUDY, *SOFTMAX, "--seed", "3", status=2)
    assert "seed was 1, now 3" in said
    assert "space was sgd, now adam" in said
    assert "epochs" not in said


def test_a_study_of_another_program_ends_with_2(empty: Path, complain: Complain) -> None:
    optuna.create_study(study_name="theirs", storage=open_storage("sqlite:///studies.db"))
    for command in ("show", "export", "retrain"):
        assert "was not made by this vrtune" in complain(command, "theirs", status=2)


@pytest.mark.usefixtures("studies")
def test_a_trial_that_is_not_there_ends_with_2(complain: Complain) -> None:
    assert "no trial 9" in complain("export", STUDY, "--trial", "9", status=2)
    assert "no trial 9" in complain("retrain", STUDY, "--trial", "9", status=2)


def test_an_export_that_cannot_be_written(studies: Path, complain: Complain) -> None:
    assert "there is no folder none" in complain("export", STUDY, "-o", "none/a.json", status=2)
    (studies / "folder").mkdir()
    assert "folder can't be written" in complain("export", STUDY, "-o", "folder", status=1)


URL = "postgresql://me:ho\\rse@127.0.0.1:1/studies"  # with a backslash, which some would double


@pytest.mark.usefixtures("empty")
@pytest.mark.parametrize(
    "args",
    [
        ["show", "x", "--storage", URL],
        ["show", "x", f"--storage={URL}"],
        ["show", "x", URL],
        ["show", URL],
        ["list", URL],
        ["list", "studies", "--storage", URL.replace("postgresql", "postgresql+psycpg2")],
        ["search", URL],
        ["search", "sgd", "--study", URL],
        ["search", "sgd", "--trials", URL],
        ["search", "sgd", "--storge", URL],
        ["export", "x", "--format", URL],
        [URL],
    ],
)
def test_no_password_is_printed(args: list[str]) -> None:
    """Wherever the URL ended up in the command."""
    pytest.importorskip("psycopg")
    result = CliRunner().invoke(app, args, prog_name="vrtune")
    assert result.exit_code in (1, 2)
    assert "rse" not in result.output.replace("parse", "")


def test_a_fault_of_ours_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does show where it happened."""

    def breaks(_: object) -> None:
        raise RuntimeError(f"at {URL!r}")

    monkeypatch.setattr("vrtune.storages.opening.understand", breaks)
    result = CliRunner().invoke(app, ["show", "x", "--storage", URL], prog_name="vrtune")
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "RuntimeError: at 'postgresql://me:***@127.0.0.1:1/studies'" in result.stderr


# ---- streams -----------------------------------------------------------------------------------


def shell(command: str) -> subprocess.CompletedProcess[str]:
    """What becomes of a command line; `vrtune` is this one."""
    program = f"{shlex.quote(sys.executable)} -m vrtune.cli.main"
    return subprocess.run(
        ["bash", "-c", command.replace("vrtune", program)],
        capture_output=True,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHONUN")},
        encoding="utf-8",
    )


@pytest.mark.parametrize(
    ("command", "says", "status"),
    [
        ("vrtune --version >&-", "error: standard output is closed: open it, or", 1),
        ("vrtune --version > /dev/full", "error: standard output can't be written (No space", 1),
        ("PYTHONUNBUFFERED=1 vrtune --version > /dev/full", "error: standard output can't be", 1),
        ("vrtune search -h | true; exit ${PIPESTATUS[0]}", "", 141),
        ("vrtune nonsense 2>&-", "", 2),
        ("vrtune nonsense 2> /dev/full", "", 1),
        ("vrtune nonsense <&-", "error: no such command", 2),
        ("vrtune $'a\\xff\\e[1m'", r"error: no such command 'a\udcff\x1b[1m'", 2),
        ("PYTHONIOENCODING=ascii vrtune été", r"error: no such command '\xe9t\xe9'", 2),
        ("vrtune $(printf 'x%.0s' {1..5000})", "error: no such command 'xxx", 2),
    ],
)
def test_streams_that_are_not_as_usual(command: str, says: str, status: int) -> None:
    done = shell(command)
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith(says)
    assert len(done.stderr.splitlines()) == bool(says)


def test_ctrl_c_ends_the_loop_of_a_shell() -> None:
    """As a program that ends by the signal does, and one that returns 130 does not."""
    program = (
        "import os, signal; from vrtune.cli.faults import run\n"
        "def app(**_): print('cleaned up'); raise SystemExit(130)\n"
        "run(app)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert (done.stdout, done.stderr) == ("cleaned up\n", "")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (MemoryError(), "the memory is used up: give fewer --jobs"),
        (ImportError("libx.so: failed to map segment from shared object"), "the memory is used up"),
        (RecursionError(), "nested too deeply"),
        (OSError(28, "No space left on device", "a.txt"), "a.txt can't be used (No space left"),
    ],
)
def test_limits_of_the_surroundings(
    error: Exception, says: str, complain: Complain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(_: object) -> None:
        raise error

    monkeypatch.setattr("vrtune.storages.opening.understand", breaks)
    assert says in complain("show", "x", status=1)
