"""Whatever is typed: an answer and 0, or one sentence and 1 or 2."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fuzzing import TEXT, fuzzed
from hypothesis import strategies as st
from typer.testing import CliRunner

from vrtune.cli.main import COMMANDS, app
from vrtune.config import Task
from vrtune.searching.settings import SearchSettings

STUDY = "sgd-digits-softmax"
FIELDS = [f"--{n.replace('_', '-')}" for m in (Task, SearchSettings) for n in m.model_fields]
OPTIONS = ["--storage", "--trial", "--format", "-o", "--output", "--json", "--schema", "--yes"]
NUMBERS = ["1e3", "-1", "1_000", "nan", "inf", "-inf", "0x10", "1.5", "٣", "9" * 5000, "1e999"]
WORDS = ["", " ", "-", "--", "---", "x" * 5000, "a b", "~", "../x", "auto", "on", "cuda:1", "mps"]
URLS = ["sqlite:///none/x.db", "sqlite://", "x.log", "redis://", "://", "postgresql://u:p@"]
NAMES = [STUDY, "-x", "two\nlines", "\x1b[31mred", "学习", "\udcff", "studies", "spaces", "models"]
WORD = st.one_of(
    *(st.sampled_from(some) for some in (NUMBERS, WORDS, URLS, NAMES, OPTIONS)),
    TEXT.map(lambda text: text.replace("\0", "")),
)
BEGINS = "loading PyTorch|checking .* and the data|reading .*"  # what one that is refused has said
ASKING = ["show", "export", "compare", "list"]
SERVING = {"dashboard", "proxy"}
WORKING = sorted(set(COMMANDS) - SERVING - {*ASKING, "search"})


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    yield
    for path in tmp_path.iterdir():
        assert path.is_file(), f"{path} was made by a command that asks"


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


@fuzzed(
    200,
    {"command": "show", "words": ["--storage", ""]},
    {"command": "list", "words": []},
    {"command": "list", "words": ["studies", "--storage"]},
    {"command": "list", "words": ["studies", "studies"]},
    {"command": "list", "words": ["studies", "--json", "--json"]},
    {"command": "show", "words": ["--", "-x"]},
    {"command": "show", "words": ["\udcff"]},
    {"command": "export", "words": [STUDY, "--trial", "9" * 5000]},
    {"command": "export", "words": [STUDY, "--trial", "1e3"]},
    {"command": "export", "words": [STUDY, "-o", "x" * 5000]},
    {"command": "export", "words": [STUDY, "-o", "\udcff.json"]},
    {"command": "export", "words": [STUDY, "-o", ""]},
    {"command": "shwo", "words": [STUDY]},
    command=st.sampled_from(ASKING),
    words=st.lists(WORD, max_size=4),
)
def test_what_is_asked(command: str, words: list[str], studies: str) -> None:
    ask(command, "--storage", studies, *words) if command in COMMANDS else ask(command, *words)


@fuzzed(
    200,
    {"words": [("--trials", "1e3")]},
    {"words": [("--trials", "-1")]},
    {"words": [("--trials", "3"), ("--trials", "4")]},
    {"words": [("--device", "cuda:1")]},
    {"words": [("--storage", "")]},
    {"words": [("--study", "x" * 5000)]},
    {"words": [("--study", "\udcff")]},
    {"words": [("--lock-transforms", "yes")]},
    words=st.lists(st.tuples(st.sampled_from(FIELDS), WORD), max_size=4),
)
def test_what_a_search_is_given(words: list[tuple[str, str]]) -> None:
    """The space is not there: no example trains."""
    ask("search", "none.py", *(word for pair in words for word in pair))


@fuzzed(
    200,
    command=st.sampled_from(WORKING),
    words=st.lists(WORD | st.sampled_from(FIELDS), max_size=4),
)
def test_what_has_nothing_to_work_on(command: str, words: list[str]) -> None:
    """Here are no studies, and no space of this name."""
    ask(command, "none.py", *words)


@fuzzed(150, words=st.lists(WORD, max_size=3))
def test_anything(words: list[str]) -> None:
    ask(*words)
