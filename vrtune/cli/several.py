"""vrtune search of several spaces: one after another on one task, and then side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from signal import SIGINT
from typing import TYPE_CHECKING, NoReturn

import typer

from vrtune.cli.compare import print_comparison
from vrtune.cli.faults import BY_SIGNAL, faults, public
from vrtune.cli.screen import command, print_json, print_lines, reserved
from vrtune.cli.summary import found, kept, nothing_complete, proposed
from vrtune.config import Task
from vrtune.display.progress import shown
from vrtune.errors import VrtuneError
from vrtune.events import Preparing
from vrtune.searching.settings import SearchSettings

if TYPE_CHECKING:
    from vrtune.comparing.compare import Comparison
    from vrtune.searching.result import SearchResult

Searched = Callable[[str, str], "SearchResult"]  # of a space, and what its progress begins with


def search_all(
    spaces: Sequence[str], task: Task, settings: SearchSettings, searched: Searched, *, json: bool
) -> None:
    """Checks all, searches one space after another, and compares what they gave. One that fails
    stops no other; one that is stopped stops all."""
    studies = _checked(spaces, task, settings, json=json)
    results: dict[str, SearchResult] = {}
    failed: list[tuple[str, VrtuneError]] = []
    try:
        _each(spaces, searched, results, failed, json=json)
        compared, fault = None, None
        try:
            compared = _compared(studies, settings.storage)
        except VrtuneError as error:  # there may be no storage, where all searches failed
            fault = error
    except KeyboardInterrupt:  # where no search is there to end well
        if not results:
            raise
        over = {*results, *dict(failed)}
        rest = [space for space in spaces if space not in over]
        _stop(_between([*results.values()], rest), [*results.values()], json=json)
    if json:
        _print([*results.values()], compared)
    elif compared:
        print_comparison(compared)
        own = [row.study for row in compared.rows]
        typer.echo()
        print_lines([("next", proposed("report", *own, storage=public(settings.storage)))])
    if failed:
        raise _together(failed, len(spaces))
    if fault:
        raise fault


def _each(
    spaces: Sequence[str],
    searched: Searched,
    results: dict[str, SearchResult],
    failed: list[tuple[str, VrtuneError]],
    *,
    json: bool,
) -> None:
    """Searches one after another, and says what came of each."""
    for i, space in enumerate(spaces):
        try:
            result = searched(space, f"search {i + 1} of {len(spaces)}: {space}")
        except VrtuneError as error:
            failed.append((space, error))
            _say([("failed", str(error))], json=json)
            continue
        results[space] = result
        _say(found(result), json=json)
        if result.stopped:
            _stop(_to_go_on(result, spaces[i:]), [*results.values()], json=json)
        if result.best is None:
            failed.append((space, nothing_complete(result)))


def _stop(said: str, results: Sequence[SearchResult], *, json: bool) -> NoReturn:
    """Ends as by Ctrl-C, with what there is by then, and how to go on."""
    if json:
        _print(results, None)
    typer.echo(f"stopped: {said}", err=True)
    raise typer.Exit(BY_SIGNAL + SIGINT)


def _print(results: Sequence[SearchResult], compared: Comparison | None) -> None:
    """One JSON object."""
    print_json(
        {
            "searches": [result.model_dump(mode="json") for result in results],
            "comparison": compared.model_dump(mode="json") if compared else None,
        }
    )


def _checked(
    spaces: Sequence[str], task: Task, settings: SearchSettings, *, json: bool
) -> list[str]:
    """The names of the studies. UsageError or VrtuneError if a search can't begin."""
    with (
        shown(doing="loading PyTorch", json=json) as progress,
        reserved(json),
        faults(settings.storage),
    ):
        from vrtune.searching.several import check_all

        progress(Preparing(text=f"checking {len(spaces)} spaces and the data"))
        return check_all(spaces, task, settings)


def _compared(studies: Sequence[str], storage: str) -> Comparison | None:
    """Of those that there are by now."""
    with faults(storage):
        from vrtune.comparing.compare import compare
        from vrtune.storages.opening import open_to_read

        there = {study.study_name for study in open_to_read(storage).get_all_studies()}
        known = [study for study in studies if study in there]
        return compare(*known, storage=storage) if known else None


def _say(lines: Iterable[tuple[str, str]], *, json: bool) -> None:
    if not json:
        print_lines(lines)
        typer.echo()


def _between(results: Sequence[SearchResult], rest: Sequence[str]) -> str:
    """What is kept where no search was running, and how to go on."""
    if rest:
        more = command("vrtune", "search", *rest)
        return f"the studies that were searched are kept; to go on, with the same options: {more}"
    known = [result.study for result in results]
    compare = proposed("compare", *known, storage=results[0].storage)
    return f"all are searched; to compare them: {compare}"


def _to_go_on(stopped: SearchResult, rest: Sequence[str]) -> str:
    """What is kept, and how to search what is left: what was searched would be searched on, too."""
    if stopped.stopped_in in (None, "search"):
        what = "open trials are queued again"
    else:
        what, rest = kept(stopped), rest[1:]
    if not rest:
        return what
    return f"{what}; to go on, with the same options: {command('vrtune', 'search', *rest)}"


def _together(failed: Sequence[tuple[str, VrtuneError]], count: int) -> VrtuneError:
    """All that went wrong, with the exit status of the first."""
    said = "; ".join(f"{space}: {error}" for space, error in failed)
    return type(failed[0][1])(f"{len(failed)} of {count} searches gave nothing: {said}")
