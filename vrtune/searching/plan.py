"""The second part of a search: an open study, and the job that each of its processes will do."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.lanes.device import one_thread
from vrtune.lanes.memory import fits
from vrtune.lanes.plan import Plan, choose
from vrtune.lanes.plan import plan as way_to_train
from vrtune.lanes.workspace import Workspace
from vrtune.searching.job import Job
from vrtune.searching.prepare import Prepared, Request
from vrtune.searching.settings import TRIALS
from vrtune.spaces import Space
from vrtune.spaces.points import PointTrial
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import ranked
from vrtune.studies.grid import queue_grid, waiting
from vrtune.studies.leases import in_doubt, reclaim
from vrtune.studies.objects import objects_of
from vrtune.studies.record import StudyRecord, open_study
from vrtune.studies.retrained import retrained
from vrtune.studies.searches import SearchEntry, begin

FULL = 64  # lanes that fill a GPU: more are no faster (benchmarks/gpu.py)
LOOK_S = 1.0  # between two looks at whether other processes live
GENERATIONS = 4  # at most a quarter of the trials at once: the sampler must learn


@dataclass(frozen=True, kw_only=True)
class Work:
    """All that is to be done: so many trials of a study, by so many processes with one job."""

    request: Request
    workspace: Workspace
    study: optuna.Study
    way: Plan
    job: Job
    trials: int
    processes: int
    entry: SearchEntry  # what the study remembers of it

    def __str__(self) -> str:
        slots, parts = self.job.slots, self.request.task.parts
        trials = f"{slots} trial{'s' * (slots > 1)} at a time"
        share = "each with " if self.processes > 1 else ""
        lanes = slots * parts
        if lanes == 1:
            return f"{_processes(self.processes)}, {share}{trials}"
        whose = "its" if slots == 1 else "their"
        what = f"{parts} folds" if slots == 1 else f"{lanes} trainings"
        if not self.way.fused or self.way.lanes == 1:
            how = "one after another"
        elif self.way.lanes < lanes:
            how = f"{self.way.lanes} at once"
        else:
            how = "all at once"
        return f"{_processes(self.processes)}, {share}{trials}; {whose} {what} take each step {how}"


def _processes(count: int) -> str:
    return f"{count} process{'es' * (count > 1)}"


def plan(prepared: Prepared, others: Sequence[int] = ()) -> Work:
    """Opens the study, counts the trials to run and says how they are trained; the study remembers
    it. `others`: what the system knows the other processes by.

    Raises UsageError if the study holds another task, or has run its whole grid and trained the
    best of it again.
    """
    request, workspace = prepared.request, prepared.workspace
    study = _open(request, workspace)
    trials = _trials(request, study)
    processes = max(1, min(request.processes, trials))
    workspace.threads = request.threads(processes)
    count = _under_way(prepared, trials, processes)
    together = 0 if _begun(study) else min(request.together, trials)
    most = max(count, math.ceil(together / processes))
    way = _way(prepared, most, processes)
    entry = begin(
        study,
        request.space,
        request.settings,
        device=request.device,
        processes=processes,
        others=others,
        plan=way.text,
        parameters=workspace.size.parameters,
        samples=len(workspace.indices),
        shape=workspace.dataset.shape,
    )
    return Work(
        request=request,
        workspace=workspace,
        study=study,
        way=way,
        job=Job(
            task=request.task,
            space=str(request.space.path),
            study=study.study_name,
            storage=request.settings.storage,
            device=str(request.device),
            fused=way.fused,
            slots=count,
            together=together,
            processes=processes,
            most=way.most,
            threads=workspace.threads,
            sampler=request.settings.sampler,
            start=request.settings.start,
            pruner=request.settings.pruner,
            validate_at=request.settings.validate_at,
            artifacts=request.settings.artifacts,
        ),
        trials=trials,
        processes=processes,
        entry=entry,
    )


def record_of(request: Request, workspace: Workspace) -> StudyRecord:
    """What the study of a search remembers."""
    dataset, objective = workspace.dataset, workspace.objective
    return StudyRecord(
        task=request.task,
        space=request.space.name,
        fingerprint=dataset.fingerprint,
        data_dir=str(request.settings.data_dir.resolve()),
        version=version("vrtune"),
        sources=request.space.files,
        space_fingerprint=request.space.fingerprint,
        class_names=dataset.class_names,
        metric=objective.metric,
        score=objective.score,
        direction=objective.direction,
        objects=objects_of(request.task),
    )


def _open(request: Request, workspace: Workspace) -> optuna.Study:
    """The study, made or continued, with what dead processes left in it and the grid queued."""
    settings, record = request.settings, record_of(request, workspace)
    storage = open_storage(settings.storage)
    study = open_study(storage, request.study, record, settings.edited_space)
    reclaim(study)
    edited = settings.edited_space == "accept"
    queue_grid(study, request.points, partial(_settings_at, request.space) if edited else None)
    return study


def _settings_at(space: Space, point: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a point of the grid means; None for one that is pruned at once."""
    try:
        trial: Any = PointTrial(dict(point), "GRID")
        return space.suggest(trial).model_dump(mode="json")
    except optuna.TrialPruned:
        return None


def _trials(request: Request, study: optuna.Study) -> int:
    """Trials to run; of a grid no more than are left. UsageError if nothing at all is left."""
    if not request.points:
        unlimited = None if request.settings.budget is None else sys.maxsize
        return request.settings.trials or unlimited or TRIALS
    while not (left := waiting(study)) and in_doubt(study):  # of a process that may be gone
        time.sleep(LOOK_S)
        reclaim(study)
    if left or _to_retrain(request, study):
        return min(request.settings.trials or left, left)
    held = len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
    but = f" but for {held} trial{'s' * (held > 1)} that others train" if held else ""
    raise UsageError(
        f"study {study.study_name!r} has run its whole grid{but}: choose another --study"
    )


def _to_retrain(request: Request, study: optuna.Study) -> bool:
    """Whether an earlier search was stopped before it trained the best trials again."""
    best = ranked(study)[: request.settings.retrain]
    return any(retrained(study, trial.number) is None for trial in best)


def _begun(study: optuna.Study) -> bool:
    """Whether a trial has told something already."""
    return any(trial.intermediate_values for trial in study.get_trials(deepcopy=False))


def _under_way(prepared: Prepared, trials: int, processes: int) -> int:
    """Trials under way at once in a process. As few as keep it busy: the sampler knows of a trial
    when it has ended. On a CPU that is one; looped ones gain nothing from others either. A GPU
    takes as many as fill it and fit its memory."""
    request, workspace = prepared.request, prepared.workspace
    if request.settings.open != "auto":
        return request.settings.open
    if request.device.type == "cpu" or choose(workspace, request.settings.fuse) == "looped":
        return 1
    parts = request.task.parts
    count = max(1, min(FULL // parts, trials // GENERATIONS))
    while count > 1 and not fits(
        workspace, prepared.like, count * parts, processes, fused=True, most=1
    ):
        count //= 2
    return count


def _way(prepared: Prepared, most: int, processes: int) -> Plan:
    """How a process trains so many trials at the most."""
    request, workspace = prepared.request, prepared.workspace
    settings = request.settings
    with one_thread(workspace.device):
        return way_to_train(
            workspace,
            prepared.like,
            settings.fuse,
            most * request.task.parts,
            at_once=None if settings.lanes == "auto" else settings.lanes,
            processes=processes,
        )
