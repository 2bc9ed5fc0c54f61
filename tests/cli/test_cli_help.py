"""The help of all commands is readable: at 80 columns, on wider terminals, and in a pipe."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vrtune.cli.completion import NAMES
from vrtune.cli.main import COMMANDS, app
from vrtune.config import Task
from vrtune.searching.settings import SearchSettings
from vrtune.spaces.found import BESIDE

SPACES = Path(__file__).parents[2] / "search_spaces"


def said(width: int, *args: str) -> str:
    done = CliRunner().invoke(
        app, [*args, "-h"], prog_name="vrtune", env={"COLUMNS": str(width), "FORCE_COLOR": "1"}
    )
    assert done.exit_code == 0
    return done.stdout


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)], ids=str)
def test_lines_fit_and_no_name_is_broken(command: tuple[str, ...]) -> None:
    for width in (80, 100, 200):
        text = said(width, *command)
        assert text.isascii()
        assert "\x1b" not in text
        lines = text.splitlines()
        assert max(map(len, lines)) <= min(width, 100)
        assert not any(line.rstrip().endswith("-") for line in lines)
        assert not any(line != line.rstrip() for line in lines)


def test_at_80_columns_there_is_room_for_words() -> None:
    lines = said(80, "search").splitlines()
    assert len(lines) < 140
    begin = {len(line) - len(line.lstrip()) for line in lines if line.startswith(" " * 12)}
    assert begin == {30}  # 48 columns are left


def test_every_option_is_there_under_its_heading() -> None:
    said_of: dict[str, str] = {}
    for block in said(80, "search").split("\n\n"):
        heading, _, rest = block.partition(":\n")
        said_of[heading] = rest
    for name in Task.model_fields:
        assert f"  --{name.replace('_', '-')}" in said_of["Task"]
    panels = ("Search", "Speed", "Many machines", "After the search")
    others = "".join(said_of[panel] for panel in panels)
    for name in SearchSettings.model_fields:
        assert f"  --{name.replace('_', '-')}" in others
    assert said_of["Arguments"].startswith("  SPACE ")


@pytest.mark.parametrize("role", BESIDE)
def test_what_lies_beside_a_method_is_named_and_completed(role: str) -> None:
    known = {path.stem for path in (SPACES / BESIDE[role]).glob("*.py")}
    said_of = str(Task.model_fields[role].description).partition(", or yours")[0]
    assert known == set(re.findall(r"\w+(?=,|$| \()", said_of.partition(": ")[2]))
    assert known <= set(NAMES[role]())


def test_the_list_of_commands_gives_whole_sentences() -> None:
    text = " ".join(said(80).split())
    for function in COMMANDS.values():
        assert " ".join(str(function.__doc__).partition("\n\n")[0].split()) in text
    assert "--install-completion" in text


def test_a_narrow_terminal_still_shows_all() -> None:
    assert "--storage URL" in said(20, "show")
