"""The user's own model, loss and metric of a study, wherever their files lie by now."""

from __future__ import annotations

import os
from pathlib import Path

import optuna

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.own.objects import find, fingerprint, is_object
from vrtune.studies.record import read_record

ROLES = ("model", "loss", "metric")


def objects_of(task: Task) -> dict[str, str]:
    """What the files of a task's own model, loss and metric mean, as digests."""
    named = {role: getattr(task, role) for role in ROLES}
    return {role: find(text, role).digest for role, text in named.items() if is_object(text)}


def find_task(study: optuna.Study) -> Task:
    """The task of a study. UsageError where its own model, loss or metric is not that of its
    trials any more; a file that moved is looked for in the working folder."""
    record = read_record(study)
    named = {role: getattr(record.task, role) for role in ROLES}
    found = {
        role: _found(study, role, text, record.objects.get(role, ""))
        for role, text in named.items()
        if is_object(text)
    }
    return record.task.model_copy(update=found) if found else record.task


def check_own(study: optuna.Study, path: Path, what: str) -> None:
    """UsageError for a file that is not to be run because a study names it, for its `what`.

    A study is data, and may come from anyone: the path is to be that of a Python file in full,
    as a search writes it, and the file this user's own (or the system's).
    """
    try:
        plain = path.suffix == ".py" and str(path) == os.path.realpath(path)
        own = path.stat().st_uid in (os.getuid(), 0) if plain and hasattr(os, "getuid") else True
    except (OSError, ValueError):  # who loads it says what is wrong
        plain = own = path.suffix == ".py"
    if not plain or not own:
        why = "is another user's" if plain else "is not the full path of a Python file"
        raise UsageError(
            f"study {study.study_name!r} would run {str(path)!r} for its {what}, which {why}: "
            "search with a file of your own"
        )


def _found(study: optuna.Study, role: str, text: str, digest: str) -> str:
    """The name of an own object, with the path that its file has now."""
    home, _, name = text.rpartition(":")
    if not home.endswith(".py"):
        if digest and find(text, role).digest != digest:
            raise _changed(study, role, home)
        return text
    here = Path(os.path.realpath(Path(home).name))
    there = [path for path in (Path(home), here) if os.path.isfile(path)]
    for path in there:
        check_own(study, path, role)
        if not digest or fingerprint(path) == digest:
            return f"{path}:{name}"
    if there:
        raise _changed(study, role, str(there[0]))
    raise UsageError(
        f"the {role} of study {study.study_name!r} is not at {home}, nor is {here.name} in this "
        "folder: put it there"
    )


def _changed(study: optuna.Study, role: str, home: str) -> UsageError:
    return UsageError(
        f"{home} holds another text of the {role} than when study {study.study_name!r} searched: "
        "put the earlier text back, or search under another --study"
    )
