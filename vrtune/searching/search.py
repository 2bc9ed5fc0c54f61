"""search(): tunes a method on a task, trains the best trials again, and says what came out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from vrtune.config import Task
from vrtune.events import Event, Planned, RoundEnded, Stopped, TimeSpent
from vrtune.retraining import Retrained, retrain_study
from vrtune.searching.confirm import confirm
from vrtune.searching.interrupts import interrupts
from vrtune.searching.job import Quota
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import prepare, understand
from vrtune.searching.processes import Processes, Progress
from vrtune.searching.result import SearchResult, summarise
from vrtune.searching.settings import SearchSettings, takes
from vrtune.searching.timesheet import Timesheet
from vrtune.studies.choice import ranked
from vrtune.studies.leases import reclaim
from vrtune.studies.quiet import quiet
from vrtune.studies.searches import finish


@takes(SearchSettings)
@quiet()
def search(
    space: str | Path,
    task: Task | None = None,
    *,
    progress: Progress = lambda event: None,
    **settings: Any,
) -> SearchResult:
    """Tunes a method on a task by cross-validation, then trains the best trials again.

    A search under a study's name continues it; an interrupted one puts its open trials back.

    Args:
        space: a search space's name (`vrtune list spaces`), or a .py file that defines one.
        task: what is tuned and how it is judged (default: LeNet on digits, 4 folds).
        progress: called with events, in the thread that searches.
        **settings: how to search; listed below.

    Returns:
        The study as it stands: its best trial, and what came of the retraining.

    Raises:
        UsageError: something in the request is wrong: a name, a setting, another task's study.
        VrtuneError: something in the surroundings is wrong: missing data, a locked database.

    Example:
        >>> from vrtune import Task, search
        >>> task = Task(model="softmax", folds=2, epochs=1, limit=100)
        >>> found = search("sgd", task, trials=2, jobs=1)
        >>> found.study, len(found.best.fold_values)
        ('sgd-digits-softmax', 2)

    The settings:
    """
    request = understand(space, task or Task(), SearchSettings.read(settings))
    # the others import PyTorch while this process reads the data and measures
    with Processes(request.processes - 1) as processes:
        work = plan(prepare(request), [process.pid for process in processes.others.values()])
        progress(Planned(text=str(work)))
        times, stopped = run(work, processes, progress)
    return conclude(work, times, stopped=stopped, progress=progress)


def run(work: Work, processes: Processes, progress: Progress) -> tuple[Timesheet, bool]:
    """Runs the trials, until all are done, time or budget is spent or the user stops it.

    Returns how the time was spent, and whether it was stopped; no trial is open by then.
    """
    deadline = work.request.began + (work.request.settings.timeout or float("inf"))
    budget = work.request.settings.budget or float("inf")
    spent: dict[int, float] = {}  # by process
    quota = Quota(work.trials, lambda: time.monotonic() > deadline or sum(spent.values()) >= budget)
    sheets: list[Timesheet] = []

    def note(event: Event) -> None:
        if isinstance(event, TimeSpent):
            sheets.append(Timesheet.model_validate(event.times))
        elif isinstance(event, RoundEnded):
            spent[event.worker] = event.spent
        progress(event)

    with interrupts() as stopping:
        try:
            processes.run(work.job, work.workspace, work.processes, quota, stopping, note)
        except Stopped:
            pass
        finally:
            reclaim(work.study)
        return sum(sheets, Timesheet()), stopping()


def conclude(work: Work, times: Timesheet, *, stopped: bool, progress: Progress) -> SearchResult:
    """Keeps how the time was spent, judges and trains the best trials again, and sums up."""
    request, study, settings = work.request, work.study, work.request.settings
    spent = {"occupancy": times.occupancy, "outside": times.outside, **times.model_dump()}
    finish(study, work.entry, spent, stopped=stopped)
    again: list[Retrained] = []
    if settings.retrain and not stopped:
        try:
            confirm(work, progress)
        except Stopped:
            stopped = True
    best = [trial.number for trial in ranked(study)[: settings.retrain]]
    if best and not stopped:
        again = retrain_study(
            study,
            storage=settings.storage,
            numbers=best,
            seeds=settings.retrain_seeds,
            device=request.device,
            fused=None if settings.fuse == "auto" else work.job.fused,
            dataset=work.workspace.dataset,
            progress=progress,
        )
    seconds = time.monotonic() - request.began
    return summarise(study, settings.storage, request.task, seconds, again, times, stopped=stopped)
