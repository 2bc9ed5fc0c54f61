"""Several methods on one task: what can be refused is refused before the first is searched."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.searching.opening import record_of
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.settings import SearchSettings
from vrtune.storages.faults import faults
from vrtune.storages.opening import open_to_read
from vrtune.storages.quiet import quiet
from vrtune.studies.record import check_study


@quiet()
def check_all(spaces: Sequence[str | Path], task: Task, settings: SearchSettings) -> list[str]:
    """Makes sure that the search of each space can begin: the spaces, the data, the memory, and the
    studies that they would continue. Nothing is written.

    Args:
        spaces: two or more search spaces.
        task: the one on which all are searched.
        settings: how to search.

    Returns:
        The names of the studies, in the order of the spaces.

    Raises:
        UsageError: something in the request is wrong.
        VrtuneError: something in the surroundings is.
    """
    if settings.study is not None:
        raise UsageError(
            f"--study {settings.study!r} names one study, and {len(spaces)} spaces make as many: "
            "leave it out, or search one space at a time"
        )
    with faults(settings.storage):
        requests = [understand(space, task, settings) for space in spaces]
        _refuse_twins(spaces, requests)
        workspace = prepare(requests[0]).workspace
        for request in requests[1:]:
            prepare(request, workspace)
        try:
            storage = open_to_read(settings.storage)
        except VrtuneError:  # there is none yet; understand() has seen that one can be made
            return [request.study for request in requests]
        for request in requests:
            record = record_of(request, workspace)
            try:
                check_study(storage, request.study, record, settings.edited_space)
            except UsageError as error:
                raise UsageError(f"{error}, and search that space by itself") from None
    return [request.study for request in requests]


def _refuse_twins(spaces: Sequence[str | Path], requests: Sequence[Request]) -> None:
    """UsageError for two spaces of one study."""
    names = [request.study for request in requests]
    for i, name in enumerate(names):
        if (first := names.index(name)) < i:
            raise UsageError(
                f"spaces {str(spaces[first])!r} and {str(spaces[i])!r} would both be searched in "
                f"study {name!r}: give each once, or one of their files another name"
            )
