"""search(): tunes a method on a task, trains the best trial again, and says what came out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Literal, get_args

import optuna
import torch
from optuna.trial import TrialState

from vrtune import spaces
from vrtune.config import Task, TrialConfig
from vrtune.data import DATASETS
from vrtune.errors import UsageError
from vrtune.events import Event, Planned, Stopped, TimeSpent
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.memory import check_fit, check_trainings
from vrtune.lanes.plan import Fuse, Plan, plan
from vrtune.lanes.workspace import Workspace
from vrtune.retraining import Retrained, retrain_study
from vrtune.searching.garbage import uncollected
from vrtune.searching.interrupts import interrupts
from vrtune.searching.job import Job, Tickets, Validate
from vrtune.searching.processes import Crew
from vrtune.searching.result import SearchResult, summarise
from vrtune.searching.timesheet import Timesheet
from vrtune.studies.leases import reclaim
from vrtune.studies.pruners import make_pruner
from vrtune.studies.record import StudyRecord, default_name, open_study, ranked
from vrtune.studies.samplers import make_sampler
from vrtune.studies.storage import DEFAULT_URL, open_storage

TRIALS = 30
PLANS = "plans"  # the study attribute that remembers what was measured
SEARCHES = "searches"  # the one that keeps each search's timesheet
MOST_TRIALS = 4  # at once in a process on a CPU, where each has a core to itself
GENERATIONS = 4  # on a GPU at most a quarter of the trials at once: the sampler must learn


def search(
    space: str,
    task: Task | None = None,
    *,
    trials: int | None = None,
    timeout: float | None = None,
    sampler: str = "tpe",
    pruner: str = "hyperband",
    validate_at: Validate = "epochs",
    study: str | None = None,
    storage: str = DEFAULT_URL,
    jobs: int | Literal["auto"] = "auto",
    lanes: int | Literal["auto"] = "auto",
    fuse: Fuse = "auto",
    device: Literal["auto", "cpu", "cuda"] = "auto",
    retrain: int = 1,
    retrain_seeds: int = 3,
    data_dir: str | Path = "data",
    progress: Callable[[Event], None] = lambda event: None,
) -> SearchResult:
    """Tunes the method of `space` on `task` with pruning, then trains the best trials again.

    `trials` more are run (30, or a whole grid); no trial starts after `timeout` seconds. They are
    judged after every epoch, or only at the pruner's rungs, which takes less time. An
    interrupted search puts its open trials back, so that the next one continues the study. Raises
    UsageError or VrtuneError with one sentence.
    """
    began = time.monotonic()
    task = _absolute(task or Task())
    for name, value in (("trials", trials), ("jobs", jobs), ("lanes", lanes), ("timeout", timeout)):
        if isinstance(value, int | float) and not value > 0:
            raise UsageError(f"{name} must be above 0, not {value}")
    for name, given, known in (("fuse", fuse, Fuse), ("validate_at", validate_at, Validate)):
        if given not in get_args(known):
            raise UsageError(
                f"there is no {name} {given!r}: choose one of {', '.join(get_args(known))}"
            )
    if study is not None and (not study or study in (".", "..") or set(study) & set("/\\")):
        raise UsageError(
            f"{study!r} can't name a study, as it names a folder too: leave out / and .."
        )
    if retrain < 0 or retrain_seeds < 1:
        raise UsageError("retrain can't be below 0, nor retrain_seeds below 1")
    where = choose_device(device)
    with uncollected() as imported:
        found = spaces.load(space, task.init)
        points = found.grid() if sampler == "grid" else []
        processes = min(job_count(jobs, where), trials or len(points) or TRIALS)
        with Crew(processes - 1) as crew:
            make_sampler(sampler, 0)  # an unknown name is found before anything is written
            make_pruner(pruner, task.epochs)
            like = found.check()
            workspace = Workspace(
                task, Path(data_dir), where, threads=max(1, cores(where) // processes)
            )
            fewest = _sizes(lanes, task.parts, 1)[0]
            check_fit(workspace, like, fewest, processes, fused=fuse == "on")
            if retrain:  # after hours of search it would be too late to say so
                check_trainings(workspace, like, retrain * retrain_seeds)
            record = StudyRecord(
                task=task,
                space=found.name,
                fingerprint=workspace.dataset.fingerprint,
                data_dir=str(Path(data_dir).resolve()),
                version=version("vrtune"),
            )
            opened = open_study(open_storage(storage), study or default_name(record), record)
            reclaim(opened)
            for point in points:
                opened.enqueue_trial(point, skip_if_exists=True)
            count = min(trials or waiting(opened), waiting(opened)) if points else trials or TRIALS
            processes = min(processes, count)
            workspace.threads = max(1, cores(where) // processes)
            sizes = _sizes(lanes, task.parts, _most(count, processes, where))
            chosen = choose_plan(opened, workspace, like, fuse, sizes, processes)
            imported()
            progress(Planned(text=f"{chosen.text}, {processes} process{'es' * (processes > 1)}"))
            job = Job(
                task=task,
                space=str(found.path),
                study=opened.study_name,
                storage=storage,
                data_dir=str(data_dir),
                device=where.type,
                fused=chosen.fused,
                slots=chosen.lanes // task.parts,
                threads=workspace.threads,
                sampler=sampler,
                pruner=pruner,
                validate_at=validate_at,
            )
            deadline = began + timeout if timeout else float("inf")
            times = Timesheet()

            def tell(event: Event) -> None:
                nonlocal times
                if isinstance(event, TimeSpent):
                    times += Timesheet.model_validate(event.times)
                progress(event)

            tickets = Tickets(count, lambda: time.monotonic() > deadline)
            with interrupts() as stopping:
                try:
                    crew.run(job, workspace, processes, tickets, stopping, tell)
                except Stopped:
                    pass
                finally:
                    reclaim(opened)
                stopped = stopping()
    record_times(opened, chosen, processes, times)
    again: list[Retrained] = []
    if retrain and not stopped and ranked(opened):
        again = retrain_study(
            opened,
            storage=storage,
            numbers=[trial.number for trial in ranked(opened)[:retrain]],
            seeds=retrain_seeds,
            device=where,
            fused=None if fuse == "auto" else job.fused,
            dataset=workspace.dataset,
            progress=progress,
        )
    return summarise(opened, storage, task, time.monotonic() - began, again, times, stopped=stopped)


def record_times(study: optuna.Study, chosen: Plan, processes: int, times: Timesheet) -> None:
    """Keeps with the study how this search's time was spent."""
    kept = {
        "plan": chosen.text,
        "processes": processes,
        "occupancy": times.occupancy,
        "outside": times.outside,
        **times.model_dump(),
    }
    study.set_user_attr(SEARCHES, [*study.user_attrs.get(SEARCHES, []), kept])


def _absolute(task: Task) -> Task:
    """A data set given by path is remembered by its full path: the study outlives this folder."""
    path = Path(task.dataset)
    if task.dataset in DATASETS or not path.exists():
        return task
    return task.model_copy(update={"dataset": str(path.resolve())})


def _most(trials: int, processes: int, device: torch.device) -> int:
    """Trials at once in a process: no process takes another's share of a short search."""
    if device.type == "cpu":
        return min(MOST_TRIALS, math.ceil(trials / processes))
    return max(1, trials // GENERATIONS)


def _sizes(lanes: int | Literal["auto"], folds: int, most: int) -> list[int]:
    """Lanes at once that are worth a try: `most` trials and fewer, doubling."""
    if lanes != "auto":
        return [folds * max(1, lanes // folds)]
    return [folds * 2**i for i in range(most.bit_length())]


def choose_plan(
    study: optuna.Study,
    workspace: Workspace,
    like: TrialConfig,
    fuse: Fuse,
    sizes: list[int],
    processes: int,
) -> Plan:
    """Measures once how to train this task on this device; the study remembers it."""
    cuda = workspace.device.type == "cuda"
    device = torch.cuda.get_device_name(workspace.device) if cuda else "cpu"
    name = f"{device}, fuse {fuse}, {sizes[0]} to {sizes[-1]} lanes"
    known = study.user_attrs.get(PLANS, {})
    if name not in known:
        with one_thread(workspace.device):
            new = plan(workspace, like, fuse, sizes, processes)
        known = {**known, name: new.model_dump(mode="json")}
        study.set_user_attr(PLANS, known)
    return Plan.model_validate(known[name])


def waiting(study: optuna.Study) -> int:
    """Trials that are queued. UsageError if there are none: the grid is done."""
    count = len(study.get_trials(deepcopy=False, states=(TrialState.WAITING,)))
    if not count:
        raise UsageError(
            f"study {study.study_name!r} has run its whole grid: choose another --study"
        )
    return count


def job_count(jobs: int | Literal["auto"], device: torch.device) -> int:
    """auto: a process a core on a CPU, one on a GPU."""
    if jobs != "auto":
        return jobs
    return cores(device)
