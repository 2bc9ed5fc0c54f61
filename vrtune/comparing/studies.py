"""The studies of a comparison: found by name, or all of a storage, and read once."""

from __future__ import annotations

from collections.abc import Sequence

from vrtune.comparing.tasks import same_task
from vrtune.comparing.tuned import Tuned, labelled, read_tuned
from vrtune.errors import UsageError
from vrtune.storages.opening import open_to_read
from vrtune.storages.urls import shown
from vrtune.studies.record import all_studies, load_study, read_record

CURE = "leave it out"


def read_studies(names: Sequence[str], storage: str, *, any_task: bool = False) -> list[Tuned]:
    """What studies found, each with a label of its own, in the order in which they are named.

    Args:
        names: of the studies; none: all that vrtune made in the storage.
        storage: the URL of the storage that keeps them.
        any_task: whether they may be of different tasks or data.

    Raises:
        UsageError: there is no such study, vrtune did not make it, or tasks differ.
        VrtuneError: the storage can't be read.
    """
    opened = open_to_read(storage)
    found = []
    if names:
        for name in dict.fromkeys(names):
            study = load_study(opened, name, storage)
            read_record(study, CURE)  # or it says what can be done in a search
            found.append(read_tuned(study))
    else:
        for study in all_studies(opened):
            try:
                found.append(read_tuned(study))
            except UsageError:  # of another program
                continue
    if not found:
        raise UsageError(f"there is no study of vrtune in {shown(storage)}: search first")
    same_task(found, any_task=any_task, named=bool(names))
    return labelled(found)
