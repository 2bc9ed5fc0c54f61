"""Tables and lines on terminals of any width: names and numbers stay whole, and can be copied."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from rich.cells import cell_len

from vrtune.cli.screen import command, print_json, print_lines, print_table

Print = Callable[..., list[str]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def lines_at(monkeypatch: pytest.MonkeyPatch) -> Print:
    """What a terminal of some width gets, line by line, without colours."""

    def show(width: int, *table: Any, **options: Any) -> list[str]:
        out = Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm")  # a dumb one has 80 columns
        print_table(*table, **options)
        return re.sub(r"\x1b\[[01]m", "", out.getvalue()).splitlines()

    return show


STUDIES = ("study", "state", "best", "space", "model")
ROWS = [
    ("storm-digits-resnet18-small", "12 complete, 1 queued", 2.3045, "storm", "resnet18-small"),
    ("my first study", "no trials", None, None, None),
]


def test_at_80_columns_what_has_no_room_goes_beneath(lines_at: Print) -> None:
    assert lines_at(80, STUDIES, ROWS, spare=2) == [
        "study                        state                  best    space",
        "storm-digits-resnet18-small  12 complete, 1 queued  2.3045  storm",
        "  model resnet18-small",
        "my first study               no trials              -       -",
    ]


def test_at_40_columns_lines_run_over(lines_at: Print) -> None:
    said = lines_at(40, STUDIES, ROWS, spare=2)
    assert said[1:3] == [
        "storm-digits-resnet18-small  12 complete, 1 queued  2.3045",
        "  space storm  model resnet18-small",
    ]


def test_with_room_all_is_side_by_side(lines_at: Print) -> None:
    said = lines_at(120, STUDIES, ROWS, spare=2)
    assert len(said) == 3
    assert said[0].split() == list(STUDIES)
    assert said[1].endswith("storm  resnet18-small")


def test_the_last_column_breaks_at_blanks_alone(lines_at: Print) -> None:
    row = ("adam", "lr=0.0012345, weight_decay=0.001, momentum=0.9")
    assert lines_at(36, ("method", "settings"), [row]) == [
        "method  settings",
        "adam    lr=0.0012345,",
        "        weight_decay=0.001,",
        "        momentum=0.9",
    ]


def test_a_word_that_is_too_long_runs_over(lines_at: Print) -> None:
    path = "a/" * 30 + "trial-0"
    assert lines_at(40, ("trial", "folder"), [(0, path)])[1] == f"0      {path}"


@pytest.mark.parametrize("name", ["学习研究", "e\u0301tude", "한국어", "Größe"])
def test_wide_and_combining_characters_are_aligned(name: str, lines_at: Print) -> None:
    said = lines_at(80, ("study", "best"), [(name, 1), ("plain-ascii", 22)])
    assert [cell_len(line[: line.rindex(" ")]) for line in said] == [12, 12, 12]


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("two\nlines", r"two\nlines"),
        ("\u202eevil", r"\u202eevil"),
        ("half \udcff", r"half \udcff"),
        ("tab\there", r"tab\there"),
        ("\x9b2J", r"\x9b2J"),
        ("[red]markup[/red] :smile:", "[red]markup[/red] :smile:"),
    ],
)
def test_no_name_drives_the_terminal(
    name: str, seen: str, lines_at: Print, capsys: pytest.CaptureFixture[str]
) -> None:
    assert lines_at(80, ("study", "best"), [(name, 1)])[1].split("  ")[0] == seen
    print_lines([("study", name)])
    assert sys.stdout.getvalue().endswith(f"{'':19}\x1b[0m{seen}\n")  # type: ignore[attr-defined]


def test_a_pipe_gets_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("study", "what"), [("s" * 5000, "many words " * 900)], spare=1)
    assert [len(line) for line in capsys.readouterr().out.splitlines()] == [5006, 14901]


def test_json_knows_no_infinity(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"best": float("inf"), "rows": [{"value": float("nan")}, (1.5, "\udcff")]})
    said = capsys.readouterr().out
    told = json.loads(said, parse_constant=lambda name: pytest.fail(name))
    assert told == {"best": None, "rows": [{"value": None}, [1.5, "\udcff"]]}


WORDS: list[Sequence[str]] = [
    ("show", "my first study"),
    ("show", "it's", "--storage", "sqlite:///a & b/studies.db"),
    ("show", "$(touch gone)", "`id`", "a;b", "*", "~", "!!"),
    ("show", "two\nlines", "tab\t", "it's \x1b[31m", "back\\slash\n"),
    ("show", "學", "Größe \u202e"),
    ("show", ""),
]


@pytest.mark.parametrize("words", WORDS)
def test_a_command_is_read_by_a_shell_as_it_was(words: Sequence[str]) -> None:
    text = command(*words)
    assert text.isprintable()
    code = "import sys; print(ascii(sys.argv[1:]))"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -X utf8 -c '{code}' {text}"],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.strip() == ascii(list(words))
