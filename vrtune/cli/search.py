"""vrtune search: tunes a method, trains the best setting again, and says what came out."""

from __future__ import annotations

from typing import Annotated

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import Json, with_options
from vrtune.cli.progress import shown
from vrtune.cli.screen import print_lines, reserved
from vrtune.cli.summary import summary
from vrtune.config import Task
from vrtune.errors import VrtuneError
from vrtune.searching.settings import TRIALS, SearchSettings

Space = Annotated[
    str,
    typer.Argument(
        metavar="SPACE", help="Search space: a name (vrtune list spaces) or a .py file."
    ),
]


@with_options
def search(space: Space, task: Task, settings: SearchSettings, json: Json = False) -> None:
    """Tune a method, then train its best setting again and test it.

    The same command again continues the study, after Ctrl-C too: trials that were open start anew.
    """
    with faults(settings.storage):
        from vrtune.searching import search as searching

        unknown = settings.sampler == "grid" or settings.budget is not None
        total = settings.trials or (None if unknown else TRIALS)
        with shown(trials=total, epochs=task.epochs, json=json) as progress, reserved(json):
            result = searching.search(space, task, progress=progress, **dict(settings))
    result = result.model_copy(update={"storage": public(settings.storage)})
    if json:
        typer.echo(result.model_dump_json())
    else:
        print_lines(summary(result))
    if result.stopped:
        typer.echo(
            "stopped: open trials are queued again; the same command continues the study", err=True
        )
        raise typer.Exit(130)
    if result.best is None:
        raise VrtuneError(
            f"no trial of study {result.study!r} ran to its end: give it more trials or time"
        )
