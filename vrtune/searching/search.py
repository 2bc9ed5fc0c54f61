"""search(): tunes a method on a task, trains the best trials again, and says what came out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from vrtune.config import Task
from vrtune.display.measures import cost
from vrtune.display.progress import Listener, Progress, watching
from vrtune.events import Event, Noted, Planned, Preparing, RoundEnded, Stopped, TimeSpent
from vrtune.retraining import Retrained, retrain_study
from vrtune.searching.confirm import confirm
from vrtune.searching.interrupts import interrupts, within
from vrtune.searching.job import Quota
from vrtune.searching.ledger import PUTTING_BACK_S, URGED_S
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.processes import Processes
from vrtune.searching.result import Part, SearchResult, summarise
from vrtune.searching.settings import SearchSettings, takes
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.faults import faults
from vrtune.storages.quiet import quiet
from vrtune.studies.choice import ranked
from vrtune.studies.leases import reclaim
from vrtune.studies.note import write_note
from vrtune.studies.searches import finish

STOPPING = "stopping: open trials go back into the queue (once more ends it at once)"


@takes(SearchSettings)
@quiet()
def search(
    space: str | Path,
    task: Task | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> SearchResult:
    """Tunes a method on a task by cross-validation, then trains the best trials again.

    A search under a study's name continues it; an interrupted one puts its open trials back.

    Args:
        space: a search space's name (`vrtune list spaces`), or a .py file that defines one.
        task: what is tuned and how it is judged (default: LeNet on digits, 4 folds).
        progress: whether to show it, on standard error or in a notebook; or what is called with
            events instead, in the thread that searches.
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
    asked = SearchSettings.read(settings)
    with watching(progress) as tell, faults(asked.storage):
        request = understand(space, task or Task(), asked)
        tell(Preparing(text=_preparing(request)))
        # the others import PyTorch while this process reads the data and measures
        with Processes(request.processes - 1) as processes:
            prepared = prepare(request)
            for sentence in prepared.workspace.dataset.notes:
                tell(Noted(text=sentence))
            processes.hand_over(prepared.workspace)  # before anything is written
            work = plan(prepared, [process.pid for process in processes.others.values()])
            tell(_planned(work))
            if work.way.note:
                tell(Noted(text=work.way.note))
            times, stopped = run(work, processes, tell)
        return conclude(work, times, stopped=stopped, progress=tell)


def run(work: Work, processes: Processes, progress: Listener) -> tuple[Timesheet, bool]:
    """Runs the trials, until all are done, time or budget is spent or the user stops it.

    Returns how the time was spent, and whether it was stopped; no trial is open by then.
    """
    deadline = work.request.began + (work.request.settings.timeout or float("inf"))
    budget = work.request.settings.budget or float("inf")
    spent: dict[int, float] = {}  # by process
    quota = Quota(work.trials, lambda: time.monotonic() > deadline or sum(spent.values()) >= budget)
    sheets: list[Timesheet] = []
    said = set[str]()

    def note(event: Event) -> None:
        if isinstance(event, Noted):  # what hinders all processes is said once
            if event.text in said:
                return
            said.add(event.text)
        if isinstance(event, TimeSpent):
            sheets.append(Timesheet.model_validate(event.times))
        elif isinstance(event, RoundEnded):
            spent[event.worker] = event.spent
        progress(event)

    told = False
    with interrupts() as asked:

        def stopping() -> bool:
            nonlocal told
            if asked() and not told:
                told = True
                progress(Noted(text=STOPPING))
            return asked()

        try:
            processes.run(work.job, work.workspace, work.processes, quota, stopping, note)
        except Stopped:
            pass
        finally:  # a storage that never answers holds nobody up
            within(PUTTING_BACK_S, URGED_S, lambda: reclaim(work.study))
        return sum(sheets, Timesheet()), stopping()


def conclude(work: Work, times: Timesheet, *, stopped: bool, progress: Listener) -> SearchResult:
    """Keeps how the time was spent, judges and trains the best trials again, and sums up."""
    request, study, settings = work.request, work.study, work.request.settings
    spent = {"occupancy": times.occupancy, "outside": times.outside, **times.model_dump()}
    finish(study, work.entry, spent, stopped=stopped)
    write_note(study, settings.storage)  # what follows takes its time, and may be stopped
    again: list[Retrained] = []
    part: Part | None = "search" if stopped else None
    if settings.retrain and not stopped:
        try:
            part = "confirmation"
            confirm(work, progress)
            part = "retraining"
            again = _retrain(work, progress)
            part = None
        except Stopped:
            pass
        write_note(study, settings.storage)
    seconds = time.monotonic() - request.began
    return summarise(study, settings.storage, request.task, seconds, again, times, stopped_in=part)


def _retrain(work: Work, progress: Listener) -> list[Retrained]:
    """Trains the best trials again, as many as were asked for; none if none is complete. Stopped if
    the user wants to stop."""
    settings = work.request.settings
    best = [trial.number for trial in ranked(work.study)[: settings.retrain]]
    if not best:
        return []
    with interrupts() as stopping:
        return retrain_study(
            work.study,
            storage=settings.storage,
            numbers=best,
            seeds=settings.retrain_seeds,
            device=work.request.device,
            fused=None if settings.fuse == "auto" else work.job.fused,
            dataset=work.workspace.dataset,
            progress=progress,
            stopping=stopping,
        )


def _preparing(request: Request) -> str:
    """What is done before there is a plan."""
    others = request.processes - 1
    starting = f", starting {others} more process{'es' * (others > 1)}" if others else ""
    return f"reading {Path(request.task.dataset).name}{starting}"


def _planned(work: Work) -> Planned:
    """The plan, how much there is to do, and what the study knows already."""
    settings, epochs = work.request.settings, work.request.task.epochs
    direction = work.study.direction.name.lower()
    known = [trial for trial in ranked(work.study) if trial.value is not None]
    best = min(known, key=lambda t: (cost(t.value or 0.0, direction), t.number), default=None)
    return Planned(
        text=str(work),
        trials=None if settings.budget and not settings.trials else work.trials,
        epochs=epochs,
        budget=settings.budget,
        timeout=settings.timeout,
        best=best.value if best else None,
        best_trial=best.number if best else None,
        direction=direction,
    )
