"""The first part of a search: what can be refused is refused here, with nothing written."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
import torch

from vrtune import spaces
from vrtune.config import Task
from vrtune.data import DATASETS, Dataset
from vrtune.errors import UsageError
from vrtune.given.names import name_fault, path_fault
from vrtune.lanes.device import choose_devices, cores
from vrtune.lanes.memory import check_fit, check_trainings
from vrtune.lanes.rows import Program
from vrtune.lanes.workspace import Workspace
from vrtune.own.objects import absolute
from vrtune.searching.early import check_early
from vrtune.searching.settings import TRIALS, SearchSettings
from vrtune.spaces import Space
from vrtune.storages.opening import check_storage
from vrtune.strategy import together
from vrtune.studies.data import find_data
from vrtune.studies.folders import check_results_folder
from vrtune.studies.naming import default_name
from vrtune.studies.objects import ROLES
from vrtune.studies.record import read_record
from vrtune.trial_config import TrialConfig


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for, understood as far as that takes no data."""

    task: Task
    settings: SearchSettings
    space: Space
    points: list[dict[str, Any]]  # of the grid; empty for any other sampler
    devices: tuple[torch.device, ...]  # processes take them in turn
    joined: optuna.Study | None = None  # that another search has opened
    left: int = 0  # trials of it that may start
    works: bool = False  # trains trials of that search, and is none itself
    began: float = field(default_factory=time.monotonic)

    @property
    def device(self) -> torch.device:
        """This process's."""
        return self.devices[0]

    @property
    def study(self) -> str:
        """The name of the study that is made or continued."""
        return self.settings.study or default_name(self.space.name, self.task)

    @property
    def processes(self) -> int:
        """Processes that may be of use: as many as were asked for, or one a core (or GPU); one
        where an engine runs others."""
        if self.settings.engines:
            return 1
        jobs = self.settings.jobs
        most = cores(self.device) * len(self.devices) if jobs == "auto" else jobs
        trials = self.settings.trials or self.left or len(self.points)
        return min(most, trials or (TRIALS if self.settings.budget is None else most))

    def threads(self, processes: int) -> int:
        """Threads of each process: they share the cores."""
        return max(1, cores(self.device) // processes)

    def sharing(self, processes: int) -> int:
        """How many of so many processes share a device's memory."""
        return math.ceil(processes / len(self.devices))

    @property
    def together(self) -> int:
        """Trials of a fresh study that start at once, in all processes."""
        free = self.settings.sampler == "auto" and self.settings.open == "auto"
        return together(len(self.space.ranges())) if free else 0

    @property
    def least_open(self) -> int:
        """Trials under way at once in a process, at the least."""
        given = self.settings.open
        return max(1 if given == "auto" else given, math.ceil(self.together / self.processes))


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A request that can be met: its data are read, and it fits the memory."""

    request: Request
    like: TrialConfig  # settings that the space suggests
    workspace: Workspace


def understand(space: str | Path, task: Task, settings: SearchSettings) -> Request:
    """Finds the space, its grid and the device. UsageError if one of them is not there, or no study
    could keep its name."""
    if not isinstance(task, Task):
        raise UsageError(f"task: give a Task (got {task!r})")
    if not isinstance(space, str | os.PathLike):
        raise UsageError(f"space: give a name or the path of a .py file (got {space!r})")
    check_early(task.patience, settings)
    devices = choose_devices(settings.device)
    path = _kept("space", os.path.expanduser(os.fsdecode(space)))
    found = spaces.load(path, task.init, task.penalty, task.average)
    for file in found.files:
        _kept("space", file)
    if fault := name_fault(found.name):
        raise UsageError(f"space: {fault} (got {found.name!r})")
    _kept("data_dir", os.path.realpath(settings.data_dir))
    check_storage(settings.storage)
    points = found.grid() if settings.sampler == "grid" else []
    if settings.sampler == "auto" and settings.start == "on":
        found.default()  # what is wrong with it, or with GRID, is told now
        found.starts()
    return Request(
        task=_absolute(task), settings=settings, space=found, points=points, devices=devices
    )


def prepare(request: Request, workspace: Workspace | None = None) -> Prepared:
    """Reads the data, unless a workspace of the task is given, and makes sure that space, model and
    memory will do. Writes nothing.

    Raises UsageError or VrtuneError.
    """
    settings, processes = request.settings, request.processes
    like = request.space.check()
    workspace = workspace or Workspace(
        request.task,
        settings.data_dir,
        request.device,
        _found(request),
        threads=request.threads(processes),
    )
    if like.penalty.algorithm.drops:
        workspace.make(rated=True)  # whose model may have nothing to drop
    if like.optimizer.algorithm.layers:
        workspace.lanes(Program.of(like), fused=False)  # whose layers may not be looked at
    check_fit(
        workspace,
        like,
        request.least_open,
        request.sharing(processes),
        fused=settings.fuse == "on",
        devices=len(request.devices),
    )
    if settings.retrain:  # after hours of search it would be too late to say so
        check_trainings(workspace, like, settings.retrain * settings.retrain_seeds)
        workspace.dataset.check_test()
        cure = "free or move it, or search with --retrain 0"
        check_results_folder(request.study, settings.storage, cure)
    return Prepared(request=request, like=like, workspace=workspace)


def _found(request: Request) -> Dataset | None:
    """The data of a study that is joined, wherever they lie by now; None: those of the task."""
    study, settings = request.joined, request.settings
    if study is None or request.task.dataset != read_record(study).task.dataset:
        return None
    return find_data(study, settings.data_dir if "data_dir" in settings.model_fields_set else None)


def _absolute(task: Task) -> Task:
    """Data and own files given by path are remembered by their full path: the study outlives this
    folder."""
    given = {role: getattr(task, role) for role in ("dataset", *ROLES)}
    full = {role: absolute(text) for role, text in given.items()}
    path = os.path.expanduser(task.dataset)
    if task.dataset not in DATASETS and os.path.exists(path):
        full["dataset"] = os.path.realpath(path)
    return task.model_copy(update={role: _kept(role, text) for role, text in full.items()})


def _kept(what: str, path: str) -> str:
    """The path. UsageError if a study can't keep it."""
    if fault := path_fault(path):
        raise UsageError(f"{what}: {fault} (got {path!r})")
    return path
