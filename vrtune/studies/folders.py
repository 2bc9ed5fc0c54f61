"""Where the results of a study go: a folder of its own beside its storage."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import optuna
import sqlalchemy

from vrtune.errors import VrtuneError
from vrtune.given.names import folder_name
from vrtune.storages.urls import understand
from vrtune.studies.record import identified

MARK = ".study.json"  # in a folder of results: whose they are


def results_folder(study: optuna.Study, storage: str) -> Path:
    """studies/NAME beside the storage's file, or here; marked as this study's from now on.

    A folder that is marked as another study's is left alone: the name is longer then. OSError if
    there can be none.
    """
    name, owner = folder_name(study.study_name), _owner(study, storage)
    for tried in (name, f"{name}-{owner[:8]}"):
        folder = beside(storage) / tried
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError), (folder / MARK).open("x", encoding="utf-8") as mark:
            mark.write(json.dumps({"study": study.study_name, "owner": owner}) + "\n")
        if _marked(folder) == owner:
            return folder
    raise FileExistsError(errno.EEXIST, "it is another study's")


def check_results_folder(name: str, storage: str, cure: str) -> None:
    """VrtuneError if no results of a study of this name could be written. Writes nothing."""
    folder = beside(storage) / folder_name(name)
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise VrtuneError(
            f"{folder} can't be written ({error.strerror}), where the weights would go: {cure}"
        ) from None


def beside(storage: str) -> Path:
    """The folder `studies` where a storage's file lies; of a server's, that in this folder."""
    path = understand(storage).path
    return (path.parent if path else Path()) / "studies"


def own_name(storage: str) -> str:
    """The name of a storage's file, of a server's database, or of a proxy's place."""
    place = understand(storage)
    if place.path:
        return place.path.resolve().name
    if place.kind == "proxy":
        return f"{place.host} {place.port}"
    return sqlalchemy.make_url(place.url).database or ""


def _owner(study: optuna.Study, storage: str) -> str:
    """Tells a study from those of its name in other databases, copies of its own among them."""
    told = f"{identified(study).id} {own_name(storage)}"
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _marked(folder: Path) -> str:
    """The owner that a folder's mark names."""
    try:
        return str(json.loads((folder / MARK).read_bytes())["owner"])
    except (ValueError, TypeError, KeyError):  # it is being written, or was damaged
        return ""
