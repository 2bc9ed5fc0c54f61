"""Checkpoints: what trainings have come to, in files beside the storage: one that is cut off is
continued instead of begun anew.

A file is whole or not there, is read as numbers alone (safetensors), and says whose it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import optuna
from optuna.trial import TrialState
from safetensors import SafetensorError, safe_open

from vrtune.errors import VrtuneError
from vrtune.given.names import folder_name
from vrtune.later import Tensor, torch
from vrtune.studies.folders import beside, own_name
from vrtune.studies.leases import AGAIN, unrepeated
from vrtune.studies.record import identified

WRITING = ".writing-"
TRIES = 3
STALE_S = 3600.0  # after which a file that is being written belongs to a process that was killed
_ODD = (ValueError, LookupError, TypeError)  # of what is no checkpoint
UNUSED_S = 7 * 86400.0  # after which nobody goes on with what was trained again


@dataclass(frozen=True)
class Checkpoint:
    """Tensors by name, and plain data (JSON) beside them."""

    tensors: dict[str, Tensor]
    told: dict[str, Any]


class Checkpoints:
    """The checkpoints of a study: studies/checkpoints/FILE/ID beside the storage's file, or in this
    folder for a server's: processes that share no folder share no checkpoints.

    Args:
        study: an open study of vrtune's.
        storage: the URL or path that it was opened by.
    """

    def __init__(self, study: optuna.Study, storage: str) -> None:
        self.study, self.storage = study, storage

    @cached_property
    def folder(self) -> Path:
        """Where they lie; it may not be there yet."""
        return checkpoint_folder(self.storage) / identified(self.study).id

    def path(self, name: str | int) -> Path:
        """The file of a trial's number, or of another name."""
        return self.folder / f"{f'trial-{name}' if isinstance(name, int) else name}.safetensors"

    def write(self, name: str | int, checkpoint: Checkpoint, about: Mapping[str, Any]) -> None:
        """Writes a checkpoint, in place of the one before; `about` says of what. OSError where it
        can't be written."""
        from safetensors.torch import save  # imports PyTorch

        path = self.path(name)
        told = {**checkpoint.told, "about": _about(about)}
        told["digest"] = _digest(checkpoint.tensors, told)
        content = save(checkpoint.tensors, {"vrtune": json.dumps(told)})
        beside = path.with_name(f"{WRITING}{os.getpid()}-{path.name}")
        try:
            with _opened(beside) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def read(self, name: str | int, about: Mapping[str, Any]) -> Checkpoint | None:
        """A checkpoint that was written of the same; None if there is none. VrtuneError where it is
        damaged, or of something else."""
        path = self.path(name)
        try:
            checkpoint = _read(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, RecursionError, *_ODD) as error:
            said = " ".join(str(getattr(error, "strerror", None) or error).split())[:100]
            raise VrtuneError(f"{path} is damaged or no checkpoint ({said})") from None
        kept, wanted = checkpoint.told["about"], _about(about)
        for what in wanted:
            if kept.get(what) != wanted[what]:
                raise VrtuneError(f"{path} was written of another {what}")
        return checkpoint

    def remove(self, *names: str | int) -> None:
        """Removes checkpoints that nobody needs any more; one that can't be stays."""
        for name in names:
            with suppress(OSError):
                self.path(name).unlink()

    def sweep(self) -> None:
        """Removes those of trials that have ended, and what killed processes were writing."""
        if not self.folder.is_dir():
            return
        needed = {f"trial-{number}.safetensors" for number in _needed(self.study)}
        for path in self.folder.iterdir():
            over = re.fullmatch(r"trial-\d+\.safetensors", path.name) and path.name not in needed
            with suppress(OSError):
                most = STALE_S if path.name.startswith(WRITING) else UNUSED_S
                if over or (path.name not in needed and _age(path) > most):
                    path.unlink()
        self.tidy()

    def tidy(self) -> None:
        """Removes the folders, where nothing is left in them."""
        for folder in (self.folder, self.folder.parent, self.folder.parent.parent):
            with suppress(OSError):  # it is not empty
                folder.rmdir()

    def remove_all(self) -> str:
        """Removes the folder; returns why some is left, or nothing."""
        try:
            shutil.rmtree(self.folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            return error.strerror or str(error)
        return ""


def checkpoint_folder(storage: str) -> Path:
    """Where the checkpoints of all studies of a storage lie."""
    return beside(storage) / "checkpoints" / folder_name(own_name(storage) or "database")


def chain(study: optuna.Study, again: object) -> Iterator[int]:
    """The trials that one repeats, the latest first, from the number that it was queued with."""
    trials, seen = study.get_trials(deepcopy=False), set[int]()
    while isinstance(again, int) and 0 <= again < len(trials) and again not in seen:
        seen.add(again)
        yield again
        again = trials[again].user_attrs.get(AGAIN)


def _needed(study: optuna.Study) -> set[int]:
    """The trials in training, and those that one which trains or waits goes on from."""
    trials = study.get_trials(deepcopy=False)
    open_ = [t for t in trials if t.state in (TrialState.RUNNING, TrialState.WAITING)]
    out = {trial.number for trial in open_}
    for trial in [*open_, *unrepeated(study)]:
        out |= {trial.number, *chain(study, trial.user_attrs.get(AGAIN))}
    return out


def _opened(path: Path) -> BinaryIO:
    """A file to be written, in a folder that another process may just have tidied up."""
    for _ in range(TRIES):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            return path.open("wb")
    return path.open("wb")


def _read(path: Path) -> Checkpoint:
    with safe_open(path, framework="pt") as file:
        told = json.loads((file.metadata() or {})["vrtune"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if not isinstance(told, dict) or not isinstance(told["about"], dict):
        raise ValueError("it does not say of what it is")
    digest = told.pop("digest")
    if digest != _digest(tensors, told):
        raise ValueError("its content is not what was written")
    return Checkpoint(tensors, told)


def _about(given: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON has it: what must be the same for a training to be continued."""
    versions = {"version of vrtune": version("vrtune"), "version of PyTorch": torch.__version__}
    read: dict[str, Any] = json.loads(json.dumps({**versions, **given}))
    return read


def _digest(tensors: Mapping[str, Tensor], told: Mapping[str, Any]) -> str:
    found = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _age(path: Path) -> float:
    return time.time() - path.stat().st_mtime
