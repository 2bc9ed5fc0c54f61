"""Joining a study that a search has opened: what it is about is read from it, not given again.

A study is data. Its search space is found by its name or in its file, and run only where that
means what it meant then; nothing that runs comes out of the storage.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import optuna

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.searching.prepare import Request, understand
from vrtune.searching.settings import SearchSettings
from vrtune.spaces import fingerprint
from vrtune.spaces.found import BESIDE, find, find_beside
from vrtune.storages.opening import open_storage
from vrtune.studies.goals import goal_of, left
from vrtune.studies.objects import check_own, find_task
from vrtune.studies.record import StudyRecord, load_study, read_record
from vrtune.studies.searches import SearchEntry, read_searches

AS_IT_IS = ("sampler", "start", "pruner", "validate_at")  # for all who search a study
LIKEWISE = ("confirm", "artifacts", "checkpoint", "open", "lanes", "fuse")  # where none is given
OWN = ("dataset", "target", "model", "loss", "metric")  # may lie elsewhere: told by what they hold


def join(name: str, task: Task, settings: SearchSettings) -> Request:
    """What a study asks for of those who join it: its task and space, and how it is searched; the
    rest is as given.

    Args:
        name: of the study.
        task: what of it is given must be the study's.
        settings: of them, likewise, those of sampler and pruner.

    Raises:
        UsageError: there is no such study, or what was given is not the study's.
    """
    storage = open_storage(settings.storage, create=False)
    study = load_study(storage, name, settings.storage)
    record, entry = read_record(study), opened_by(study)
    own = {field: getattr(task, field) for field in task.model_fields_set}
    for field, given in own.items():
        if field not in OWN:
            _agree(name, field, given, getattr(record.task, field))
    for field in AS_IT_IS:
        if field in settings.model_fields_set:
            _agree(name, field, getattr(settings, field), getattr(entry, field))
    known = {field: getattr(entry, field) for field in AS_IT_IS}
    more = [field for field in LIKEWISE if field not in settings.model_fields_set]
    known |= {field: getattr(entry, field) for field in more}
    given = settings.model_dump(include=settings.model_fields_set)
    accepts = settings.edited_space == "accept"
    request = understand(
        _space(study, record, edited=accepts),
        find_task(study).model_copy(update=own),
        SearchSettings(**{**given, **known, "study": name}),
    )
    return replace(request, joined=study, left=left(study))


def opened_by(study: optuna.Study) -> SearchEntry:
    """The last search of a study that joined no other. UsageError if none has set a goal."""
    entries = [entry for entry in read_searches(study) if not entry.joined]
    if not entries or goal_of(study) is None:
        raise UsageError(
            f"no search has set study {study.study_name!r} a goal yet: begin one with its SPACE"
        )
    return entries[-1]


def _agree(study: str, field: str, given: object, kept: object) -> None:
    if given != kept:
        raise UsageError(
            f"{field} is {kept} in study {study!r}, and {given} was given: leave it out to join "
            "the study, or search under another --study"
        )


def _space(study: optuna.Study, record: StudyRecord, *, edited: bool) -> str:
    """The file of a study's search space; `edited`: it may mean something else by now. UsageError
    if there is none that means what it did."""
    there = [path for path in _places(record) if os.path.isfile(path)]
    for path in there:
        beside = [str(find_beside(role, getattr(record.task, role))) for role in _beside(record)]
        same = fingerprint([str(path), *beside]) == record.space_fingerprint
        if edited or same or not record.space_fingerprint:
            check_own(study, path, "search space")
            return str(path)
    name = study.study_name
    if there:
        raise UsageError(
            f"study {name!r} began with another text of its search space than {there[0]} holds "
            "now: put the earlier text back, or go on with that of now by vrtune search SPACE "
            f"--study {name} --edited-space accept"
        )
    raise UsageError(
        f"the search space of study {name!r} is not where it was, and there is none called "
        f"{record.space!r} here: put its file into this folder"
    )


def _places(record: StudyRecord) -> Iterator[Path]:
    """Where the file of a study's space may be: where it was, by its name, in this folder."""
    then = [Path(source) for source in record.sources[:1]]
    yield from then
    with suppress(UsageError):
        yield find(record.space)
    yield from (Path(os.path.realpath(path.name)) for path in then)


def _beside(record: StudyRecord) -> list[str]:
    """The roles of what is searched beside the space."""
    usual = {"penalty": "none", "average": "last"}
    return [role for role in BESIDE if getattr(record.task, role) != usual.get(role)]
