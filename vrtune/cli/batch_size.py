"""vrtune batch-size: steps to a target over batch sizes, all settings tuned at each."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from vrtune.cli.completion import spaces
from vrtune.cli.faults import BY_SIGNAL, faults
from vrtune.cli.options import Json, read, with_options
from vrtune.cli.screen import as_json, print_blocks, print_lines, reserved
from vrtune.config import Task
from vrtune.display.progress import shown
from vrtune.errors import UsageError
from vrtune.events import Noted, Preparing
from vrtune.scaling.settings import (
    BATCH_SIZES,
    NO_SEARCHES,
    NO_TASKS,
    STEPS,
    ScalingSettings,
    check_study,
    read_sizes,
)

if TYPE_CHECKING:
    from vrtune.scaling.plan import Wanted
    from vrtune.searching.result import SearchResult

STOPPED = "what was searched is kept; the same command goes on"


@partial(with_options, without={*NO_TASKS, *NO_SEARCHES, "target"})
def batch_size(
    space: Annotated[
        list[str],
        typer.Argument(
            metavar="SPACE", help="Search spaces, each a curve of its own.", autocompletion=spaces
        ),
    ],
    goal: Annotated[
        str,
        typer.Option(
            "--target",
            metavar="VALUE",
            help="The validation loss, or other --metric, to reach.",
        ),
    ],
    batch_sizes: Annotated[
        list[str] | None,
        typer.Option(
            "--batch-size",
            metavar="N N ...",
            help="Batch sizes, two or more: numbers one after another.",
            show_default=" ".join(map(str, BATCH_SIZES)),
        ),
    ] = None,
    steps: Annotated[
        int, typer.Option(help="Steps that every batch size may take, in whole epochs.")
    ] = STEPS,
    output: Annotated[
        list[Path] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the figure (.html, .png, .svg, .pdf) or the table (.json, .csv, .md) goes; "
            "may be given again.",
            show_default="batch-size.html",
        ),
    ] = None,
    column: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column of a table that is predicted.")
    ] = None,
    *,
    task: Task,
    settings: ScalingSettings,
    json: Json = False,
) -> None:
    """Measure the steps to a target over batch sizes, with all settings tuned at each.

    Each batch size has a study, which is searched until it holds --trials trials: the same command
    again goes on where it was stopped, and reads what is there. Test data are never read.
    """
    names = [word for word in space if not word.isdigit()]  # of --batch-size 32 64 the 64 lies here
    numbers = [*(batch_sizes or ()), *(word for word in space if word.isdigit())]
    sizes, target = read_sizes(numbers or BATCH_SIZES), _target(goal)
    if column is not None:
        task = read(Task, {**task.model_dump(), "target": column})
    check_study(settings.study, names)
    paths = output or [Path("batch-size.html")]
    with faults(settings.storage):
        with shown(doing="loading PyTorch", json=json) as progress, reserved(json):
            from vrtune.scaling import batch_size as scaling
            from vrtune.scaling.plan import wanted
            from vrtune.scaling.result import check_path

            scaling.check(names, target, steps, task)
            for path in paths:
                check_path(path)
            progress(Preparing(text=f"checking {len(names) * len(sizes)} studies and the data"))
            studies = wanted(names, sizes, steps, task, settings)
        _search(studies, json=json)
        found = scaling.answer(studies, target, steps)
    if json:
        typer.echo(as_json(found.model_dump(mode="json")))
    else:
        print_blocks(found.blocks)
        typer.echo()
    for path in paths:
        found.save(path)
    if not json:
        print_lines([("written", str(path)) for path in paths])


def _search(studies: Sequence[Wanted], *, json: bool) -> None:
    """Searches what is missing, each with its progress; ends the program if the user stops it."""
    from vrtune.scaling.batch_size import search_missing

    def searched(each: Wanted, trials: int, said: str) -> SearchResult:
        with shown(doing=said, json=json) as progress, reserved(json):
            from vrtune.searching.search import search

            progress(Noted(text=said))
            own = dict(each.settings) | {"trials": trials}
            return search(each.space, each.task, progress=progress, **own)

    try:
        ended = search_missing(studies, searched)
    except KeyboardInterrupt:  # where no search is there to end well
        ended = False
    if not ended:
        typer.echo(f"stopped: {STOPPED}", err=True)
        raise typer.Exit(BY_SIGNAL + SIGINT)


def _target(given: str) -> float:
    """The value to reach. UsageError for a word: to a search --target is a table's column."""
    try:
        return float(given)
    except ValueError:
        raise UsageError(
            f"--target: give the value to reach, a number (got {given!r}); the column of a table "
            "is --column here"
        ) from None
