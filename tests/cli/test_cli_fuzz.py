"""Whatever is typed: an answer and 0, or one sentence and 1 or 2."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from vrtune.cli.main import COMMANDS, app
from vrtune.config import Task
from vrtune.searching.settings import SearchSettings
from vrtune.storages.opening import open_storage

STUDY = "sgd-digits-softmax"
FIELDS = [f"--{n.replace('_', '-')}" for m in (Task, SearchSettings) for n in m.model_fields]
OPTIONS = ["--storage", "--trial", "--format", "-o", "--output", "--json", "--schema", "--yes"]
NUMBERS = ["1e3", "-1", "1_000", "nan", "inf", "-inf", "0x10", "1.5", "٣", "9" * 5000, "1e999"]
WORDS = ["", " ", "-", "--", "---", "x" * 5000, "a b", "~", "../x", "auto", "on", "cuda:1", "mps"]
URLS = ["sqlite:///none/x.db", "sqlite://", "x.log", "redis://", "://", "postgresql://u:p@"]
NAMES = [STUDY, "-x", "two\nlines", "\x1b[31mred", "学习", "\udcff", "studies", "spaces", "models"]
TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=()), max_size=20)
WORD = st.one_of(*(st.sampled_from(some) for some in (NUMBERS, WORDS, URLS, NAMES, OPTIONS)), TEXT)
BEGINS = "loading PyTorch|checking .* and the data"  # what a search that is refused has said
WORKING = {"search", "retrain", "diagnose", "range", "batch-size", "report", "dashboard", "delete"}
ASKING = sorted(set(COMMANDS) - WORKING)


@pytest.fixture(scope="module")
def folder(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search, and studies of others with odd names."""
    folder = tmp_path_factory.mktemp("odd")
    shutil.copytree(finished, folder, dirs_exist_ok=True)
    storage = open_storage(f"sqlite:///{folder}/studies.db")
    for name in ("-x", "two\nlines", "\x1b[31mred", "学习"):
        optuna.create_study(study_name=name, storage=storage)
    return folder


def ask(*args: str) -> None:
    """Runs a command as a user does."""
    done = CliRunner().invoke(app, list(args), prog_name="vrtune", catch_exceptions=False)
    assert done.exit_code in (0, 1, 2), done.output
    if done.exit_code:
        (line,) = done.stderr.splitlines()
        assert line.startswith("error: ")
        assert line.isprintable()
        assert len(line) < 2100
        assert not [line for line in done.stdout.splitlines() if not re.fullmatch(BEGINS, line)]
    else:
        assert done.stderr == ""
        if "--json" in args and "-h" not in args and "--help" not in args:
            json.loads(done.stdout)


quickly = settings(
    max_examples=50,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@quickly
@given(command=st.sampled_from(ASKING), words=st.lists(WORD, max_size=4))
@example(command="show", words=["--storage", ""])
@example(command="list", words=[])
@example(command="list", words=["studies", "--storage"])
@example(command="list", words=["studies", "studies"])
@example(command="list", words=["studies", "--json", "--json"])
@example(command="show", words=["--", "-x"])
@example(command="show", words=["\udcff"])
@example(command="export", words=[STUDY, "--trial", "9" * 5000])
@example(command="export", words=[STUDY, "--trial", "1e3"])
@example(command="export", words=[STUDY, "-o", "x" * 5000])
@example(command="export", words=[STUDY, "-o", "\udcff.json"])
@example(command="export", words=[STUDY, "-o", ""])
@example(command="shwo", words=[STUDY])
def test_what_is_asked(
    command: str, words: list[str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = f"sqlite:///{folder}/studies.db"
    ask(command, "--storage", url, *words) if command in COMMANDS else ask(command, *words)


@quickly
@given(words=st.lists(st.tuples(st.sampled_from(FIELDS), WORD), max_size=4))
@example(words=[("--trials", "1e3")])
@example(words=[("--trials", "-1")])
@example(words=[("--trials", "3"), ("--trials", "4")])
@example(words=[("--device", "cuda:1")])
@example(words=[("--storage", "")])
@example(words=[("--study", "x" * 5000)])
@example(words=[("--study", "\udcff")])
@example(words=[("--lock-transforms", "yes")])
def test_what_a_search_is_given(words: list[tuple[str, str]]) -> None:
    """The space is not there: no example trains."""
    ask("search", "none.py", *(word for pair in words for word in pair))


@quickly
@given(words=st.lists(WORD, max_size=3))
def test_anything(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ask(*words)
