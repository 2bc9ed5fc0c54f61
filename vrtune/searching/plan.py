"""The second part of a search: an open study, and the job that each of its processes will do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import optuna

from vrtune.lanes.device import one_thread
from vrtune.lanes.memory import fits
from vrtune.lanes.plan import Plan, choose
from vrtune.lanes.plan import plan as way_to_train
from vrtune.lanes.workspace import Workspace
from vrtune.searching.job import Job
from vrtune.searching.opening import entered, opened, wanted
from vrtune.searching.prepare import Prepared, Request
from vrtune.studies.searches import SearchEntry

FULL = 64  # lanes that fill a GPU: more are no faster (benchmarks/gpu.py)
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
    beside: tuple[SearchEntry, ...] = ()  # of searches that went on when it began

    def job_of(self, number: int, **given: object) -> Job:
        """The job of one of its processes, on the device that it takes, but for what is `given`."""
        devices = self.request.devices
        own = {"number": number, "device": str(devices[number % len(devices)]), **given}
        return self.job.model_copy(update=own)

    def __str__(self) -> str:
        if (settings := self.request.settings).engines:
            engine = "Slurm" if settings.slurm else "Ray"
            return f"{settings.workers} worker{'s' * (settings.workers != 1)} of {engine}"
        processes = f"{self.processes} process{'es' * (self.processes > 1)}"
        if (devices := min(self.processes, len(self.request.devices))) > 1:
            processes += f" on {devices} GPUs"
        slots, parts = self.job.slots, self.request.task.parts
        trials = f"{slots} trial{'s' * (slots > 1)} at a time"
        share = "each with " if self.processes > 1 else ""
        lanes = slots * parts
        if lanes == 1:
            return f"{processes}, {share}{trials}"
        whose = "its" if slots == 1 else "their"
        what = f"{parts} folds" if slots == 1 else f"{lanes} trainings"
        if not self.way.fused or self.way.lanes == 1:
            how = "one after another"
        elif self.way.lanes < lanes:
            how = f"{self.way.lanes} at once"
        else:
            how = "all at once"
        return f"{processes}, {share}{trials}; {whose} {what} take each step {how}"


def plan(prepared: Prepared, others: Sequence[int] = ()) -> Work:
    """Opens the study, counts the trials to run and says how they are trained; the study remembers
    it. `others`: what the system knows the other processes by.

    Raises UsageError if the study holds another task, or has run its whole grid and trained the
    best of it again.
    """
    request, workspace = prepared.request, prepared.workspace
    study = opened(request, workspace)
    trials = wanted(request, study)
    processes = max(1, min(request.processes, trials))
    workspace.threads = request.threads(processes)
    count = _under_way(prepared, trials, processes)
    fresh = not request.works and not _begun(study)
    together = min(request.together, trials) if fresh else 0
    most = max(count, math.ceil(together / processes))
    way = _way(prepared, most, processes)
    entry, beside = entered(
        request, workspace, study, trials, processes=processes, pids=others, plan=way.text
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
            search=entry.name,
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
            checkpoint=request.settings.checkpoint,
        ),
        trials=trials,
        processes=processes,
        entry=entry,
        beside=beside,
    )


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
    count = max(1, min(FULL // parts, trials // (GENERATIONS * processes)))
    sharing = request.sharing(processes)
    while count > 1 and not fits(
        workspace, prepared.like, count * parts, sharing, fused=True, most=1
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
            processes=request.sharing(processes),
        )
