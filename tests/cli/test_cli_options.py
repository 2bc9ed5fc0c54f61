"""The command line says what the models say: every field is an option, with no further line."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any, Literal

import pytest
import typer
from pydantic import Field
from typer.testing import CliRunner

import vrtune
from vrtune import Task
from vrtune.cli.diagnose import diagnose
from vrtune.cli.export import export
from vrtune.cli.help import Command
from vrtune.cli.main import app
from vrtune.cli.options import with_options
from vrtune.cli.replay import replay
from vrtune.cli.retrain import retrain
from vrtune.config import Settings
from vrtune.errors import UsageError
from vrtune.searching.settings import SearchSettings

FIELDS = [(model, name) for model in (Task, SearchSettings) for name in model.model_fields]


class Wider(Task):
    """A task with fields that no command has heard of."""

    momentum: float = Field(default=0.5, ge=0, description="share of the last step")
    order: Literal["random", "fixed"] = Field(
        default="random", description="of the samples", json_schema_extra={"panel": "Order"}
    )
    patience: int | None = Field(default=None, gt=0, description="rounds (default: no end)")
    mixed: bool = Field(default=False, description="mix images")


def said_by(command: Callable[..., None], *args: str) -> str:
    """What a program of this one command prints, on one line without frames and colours."""
    program = typer.Typer(rich_markup_mode=None)
    program.command(cls=Command)(command)
    done = CliRunner().invoke(program, list(args), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return " ".join(done.stdout.split())


@pytest.mark.parametrize(("model", "name"), FIELDS)
def test_every_field_is_an_option_of_search(model: type[Settings], name: str) -> None:
    command: Any = typer.main.get_command(app)
    option = next(o for o in command.commands["search"].params if o.name == name)
    field = model.model_fields[name]
    assert option.opts == [f"--{name.replace('_', '-')}"]
    assert str(option.default) == str(field.default)
    assert option.help.rstrip(".").lower() == str(field.description).rstrip(".").lower()


def test_what_is_not_given_is_as_the_models_say() -> None:
    taken: list[Settings] = []

    @with_options
    def command(task: Task, settings: SearchSettings) -> None:
        taken.extend((task, settings))

    said_by(command)
    assert taken == [Task(), SearchSettings()]


def test_a_new_field_is_an_option_with_no_further_line() -> None:
    taken: list[Wider] = []

    @with_options
    def command(task: Wider) -> None:
        taken.append(task)

    said = said_by(command, "--help")
    assert "--momentum <float> Share of the last step. [default: 0.5]" in said
    assert "Order: --order random|fixed Of the samples. [default: random]" in said
    assert "--patience <int> Rounds (default: no end)." in said
    assert "--mixed / --no-mixed Mix images. [default: no-mixed]" in said
    said_by(command)
    said_by(command, "--momentum", "0.9", "--order", "fixed", "--patience", "3", "--mixed")
    assert taken == [Wider(), Wider(momentum=0.9, order="fixed", patience=3, mixed=True)]


def test_all_options_that_are_refused_are_named() -> None:
    @with_options
    def command(task: Wider) -> None: ...

    with pytest.raises(UsageError) as error:
        said_by(command, "--momentum", "-1", "--batch-size", "x")
    first, second = re.split("; (?=--)", str(error.value))
    assert first.startswith("--batch-size: ")
    assert second.startswith("--momentum: ")
    assert second.endswith("(got '-1')")


def test_the_help_of_search_has_its_headings(run: Callable[..., str]) -> None:
    panels = re.findall(r"^([A-Z][a-z ]+):$", run("search", "-h"), re.MULTILINE)
    settings = ["Task", "Search", "Speed", "Many machines", "After the search"]
    assert panels == ["Arguments", *settings, "Options"]


@pytest.mark.parametrize(
    ("command", "function"),
    [
        (retrain, vrtune.retrain),
        (diagnose, vrtune.diagnose),
        (replay, vrtune.replay),
        (export, vrtune.export),
    ],
)
def test_a_command_and_its_function_have_the_same_defaults(
    command: Callable[..., None], function: Callable[..., Any]
) -> None:
    ours, theirs = inspect.signature(command).parameters, inspect.signature(function).parameters
    for name in ours.keys() & theirs.keys() - {"study"}:
        assert ours[name].default in (None, theirs[name].default), name


@pytest.mark.parametrize(
    ("given", "weights"),
    [("none", "none"), ("balanced", "balanced"), ("1,2,0.5", (1.0, 2.0, 0.5))],
)
def test_class_weights_are_words_or_numbers(given: str, weights: object) -> None:
    taken: list[Task] = []

    @with_options
    def command(task: Task) -> None:
        taken.append(task)

    said_by(command, "--class-weights", given)
    assert taken[0].class_weights == weights
    said = said_by(command, "--help")
    assert "--class-weights none|balanced|w,w,... Factors of cross-entropy by class." in said
    assert "--label-smoothing SHARE" in said
    assert "--target COLUMN" in said


@pytest.mark.parametrize("given", ["x", "1,-2", "nan", ",", "1,,2", "inf,1"])
def test_other_class_weights_are_refused_in_a_sentence(given: str) -> None:
    @with_options
    def command(task: Task) -> None: ...

    with pytest.raises(UsageError, match="--class-weights: give none, balanced, or a number above"):
        command(**{**Task().model_dump(), "class_weights": given})
