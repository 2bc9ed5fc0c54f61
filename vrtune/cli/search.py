"""vrtune search: tunes a method, trains the best setting again, and says what came out."""

from __future__ import annotations

from functools import partial
from signal import SIGINT
from typing import TYPE_CHECKING, Annotated

import typer

from vrtune.cli.completion import spaces
from vrtune.cli.faults import BY_SIGNAL, faults, public
from vrtune.cli.options import Json, with_options
from vrtune.cli.screen import print_lines, reserved
from vrtune.cli.several import search_all
from vrtune.cli.summary import kept, nothing_complete, summary
from vrtune.config import Task
from vrtune.display.progress import shown
from vrtune.errors import UsageError
from vrtune.events import Noted
from vrtune.searching.settings import SearchSettings

if TYPE_CHECKING:
    from vrtune.searching.result import SearchResult

Spaces = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="SPACE",
        help="Search space: a name (vrtune list spaces) or a .py file. Several are searched one "
        "after another and compared. None: --study names one that is searched, to join it.",
        autocompletion=spaces,
    ),
]


@with_options
def search(
    *, space: Spaces = None, task: Task, settings: SearchSettings, json: Json = False
) -> None:
    """Tune a method, then train its best setting again and test it.

    The same command again continues the study, after Ctrl-C too: open trials go on from their last
    checkpoint.
    """
    if not space and settings.study is None:
        raise UsageError(
            "missing argument 'SPACE': give a search space (vrtune list spaces), or --study NAME "
            "of one that is searched, to join it"
        )
    if space and len(space) > 1:
        one = partial(_searched, task=task, settings=settings, json=json)
        search_all(space, task, settings, one, json=json)
        return
    named = space[0] if space else None
    result = _searched(named, "", task=task, settings=settings, json=json)
    if json:
        typer.echo(result.model_dump_json())
    else:
        print_lines(summary(result))
    if result.stopped:
        typer.echo(f"stopped: {kept(result)}", err=True)
        raise typer.Exit(BY_SIGNAL + SIGINT)
    if result.best is None:
        raise nothing_complete(result)


def _searched(
    space: str | None, said: str, *, task: Task, settings: SearchSettings, json: bool
) -> SearchResult:
    """One search, with its progress; `said` stays above that."""
    doing = said or "loading PyTorch"
    with shown(doing=doing, json=json) as progress, reserved(json), faults(settings.storage):
        from vrtune.searching import search as searching

        if said:
            progress(Noted(text=said))
        given = {name: getattr(settings, name) for name in settings.model_fields_set}
        result = searching.search(space, task, progress=progress, **given)
    return result.model_copy(update={"storage": public(settings.storage)})
