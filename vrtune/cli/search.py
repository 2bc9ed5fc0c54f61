"""vrtune search: tunes a method, trains the best setting again, and says what came out."""

from __future__ import annotations

from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from vrtune.cli.completion import spaces
from vrtune.cli.faults import BY_SIGNAL, faults, public
from vrtune.cli.options import Json, with_options
from vrtune.cli.screen import print_lines, reserved
from vrtune.cli.summary import proposed, summary
from vrtune.config import Task
from vrtune.display.progress import shown
from vrtune.errors import VrtuneError
from vrtune.searching.settings import SearchSettings

if TYPE_CHECKING:
    from vrtune.searching.result import SearchResult

Space = Annotated[
    str,
    typer.Argument(
        metavar="SPACE",
        help="Search space: a name (vrtune list spaces) or a .py file.",
        autocompletion=spaces,
    ),
]


@with_options
def search(space: Space, task: Task, settings: SearchSettings, json: Json = False) -> None:
    """Tune a method, then train its best setting again and test it.

    The same command again continues the study, after Ctrl-C too: trials that were open start anew.
    """
    doing = "loading PyTorch"
    with shown(doing=doing, json=json) as progress, reserved(json), faults(settings.storage):
        from vrtune.searching import search as searching

        result = searching.search(space, task, progress=progress, **dict(settings))
    result = result.model_copy(update={"storage": public(settings.storage)})
    if json:
        typer.echo(result.model_dump_json())
    else:
        print_lines(summary(result))
    if result.stopped:
        typer.echo(f"stopped: {_kept(result)}", err=True)
        raise typer.Exit(BY_SIGNAL + SIGINT)
    if result.best is None:
        raise VrtuneError(
            f"no trial of study {result.study!r} ran to its end: give it more trials or time"
        )


def _kept(result: SearchResult) -> str:
    """What the study keeps of a search that was stopped, and how to go on."""
    if result.stopped_in in (None, "search"):
        return "open trials are queued again; the same command continues the study"
    again = proposed("retrain", result.study, storage=result.storage)
    return f"the study keeps its trials and what was confirmed; to train the best again: {again}"
