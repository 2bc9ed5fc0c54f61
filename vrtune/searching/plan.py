"""The second part of a search: an open study, and the job that each of its processes will do."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib.metadata import version

import optuna
import torch
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.lanes.device import one_thread
from vrtune.lanes.plan import Plan
from vrtune.lanes.plan import plan as measure
from vrtune.lanes.workspace import Workspace
from vrtune.searching.job import Job
from vrtune.searching.prepare import Prepared, Request
from vrtune.searching.settings import TRIALS
from vrtune.studies.leases import reclaim
from vrtune.studies.record import StudyRecord, default_name, open_study
from vrtune.studies.storage import open_storage

PLANS = "plans"  # the study attribute that remembers what was measured
MOST_TRIALS = 4  # at once in a process on a CPU, where each has a core to itself
GENERATIONS = 4  # on a GPU at most a quarter of the trials at once: the sampler must learn


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

    def __str__(self) -> str:
        return f"{self.way.text}, {self.processes} process{'es' * (self.processes > 1)}"


def plan(prepared: Prepared) -> Work:
    """Opens the study, counts the trials to run and measures how to train them fastest.

    Raises UsageError if the study holds another task, or has run its whole grid.
    """
    request, workspace = prepared.request, prepared.workspace
    study = _open(request, workspace)
    trials = _trials(request, study)
    processes = min(request.processes, trials)
    workspace.threads = request.threads(processes)
    way = _way(prepared, study, request.sizes(_most(trials, processes, request.device)), processes)
    return Work(
        request=request,
        workspace=workspace,
        study=study,
        way=way,
        job=_job(request, study, way, workspace.threads),
        trials=trials,
        processes=processes,
    )


def _open(request: Request, workspace: Workspace) -> optuna.Study:
    """The study, made or continued, with what dead processes left in it and the grid queued."""
    settings = request.settings
    record = StudyRecord(
        task=request.task,
        space=request.space.name,
        fingerprint=workspace.dataset.fingerprint,
        data_dir=str(settings.data_dir.resolve()),
        version=version("vrtune"),
        sources=request.space.files,
    )
    storage = open_storage(settings.storage)
    study = open_study(storage, settings.study or default_name(record), record)
    reclaim(study)
    for point in request.points:
        study.enqueue_trial(point, skip_if_exists=True)
    return study


def _trials(request: Request, study: optuna.Study) -> int:
    """Trials to run; of a grid no more than are left. UsageError if those are none."""
    if not request.points:
        return request.settings.trials or TRIALS
    left = len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    if not left:
        raise UsageError(
            f"study {study.study_name!r} has run its whole grid: choose another --study"
        )
    return min(request.settings.trials or left, left)


def _most(trials: int, processes: int, device: torch.device) -> int:
    """Trials at once in a process: no process takes another's share of a short search."""
    if device.type == "cpu":
        return min(MOST_TRIALS, math.ceil(trials / processes))
    return max(1, trials // GENERATIONS)


def _way(prepared: Prepared, study: optuna.Study, sizes: list[int], processes: int) -> Plan:
    """Measures once how to train this task on this device; the study remembers it."""
    workspace, fuse = prepared.workspace, prepared.request.settings.fuse
    cuda = workspace.device.type == "cuda"
    device = torch.cuda.get_device_name(workspace.device) if cuda else "cpu"
    name = f"{device}, fuse {fuse}, {sizes[0]} to {sizes[-1]} lanes"
    known = study.user_attrs.get(PLANS, {})
    if name not in known:
        with one_thread(workspace.device):
            new = measure(workspace, prepared.like, fuse, sizes, processes)
        known = {**known, name: new.model_dump(mode="json")}
        study.set_user_attr(PLANS, known)
    return Plan.model_validate(known[name])


def _job(request: Request, study: optuna.Study, way: Plan, threads: int) -> Job:
    settings = request.settings
    return Job(
        task=request.task,
        space=str(request.space.path),
        study=study.study_name,
        storage=settings.storage,
        data_dir=str(settings.data_dir),
        device=request.device.type,
        fused=way.fused,
        slots=way.lanes // request.task.parts,
        threads=threads,
        sampler=settings.sampler,
        pruner=settings.pruner,
        validate_at=settings.validate_at,
    )
