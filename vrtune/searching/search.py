"""search(): tunes a method on a task, trains the best trials again, and says what came out."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from vrtune.config import Task
from vrtune.display.progress import Listener, Progress, watching
from vrtune.errors import UsageError
from vrtune.events import Noted, Preparing, Stopped
from vrtune.given.arguments import takes
from vrtune.retraining import Retrained, retrain_study
from vrtune.searching.beginning import begun
from vrtune.searching.confirm import confirm
from vrtune.searching.distributed import engaged, run_elsewhere
from vrtune.searching.interrupts import interrupts
from vrtune.searching.joining import join
from vrtune.searching.plan import Work
from vrtune.searching.prepare import Request, understand
from vrtune.searching.processes import Processes
from vrtune.searching.result import Part, SearchResult, summarise
from vrtune.searching.running import STOPPING, others_conclude, run
from vrtune.searching.settings import SearchSettings
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.faults import faults
from vrtune.storages.patience import patient
from vrtune.storages.quiet import quiet
from vrtune.studies.checkpoints import Checkpoints
from vrtune.studies.choice import ranked
from vrtune.studies.note import write_note
from vrtune.studies.presence import Presence
from vrtune.studies.retrained import retrained
from vrtune.studies.searches import finish

__all__ = ["STOPPING", "conclude", "run", "search"]


@takes(SearchSettings)
@quiet()
def search(
    space: str | Path | None = None,
    task: Task | None = None,
    *,
    progress: Progress = True,
    **settings: Any,
) -> SearchResult:
    """Tunes a method on a task by cross-validation, then trains the best trials again.

    A search under a study's name continues it; an interrupted one puts its open trials back. One
    without a space joins the study: it trains what is left of its trials, with all who search it.

    Args:
        space: a search space's name (`vrtune list spaces`), or a .py file that defines one; None:
            that of the `study`, which a search has opened.
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
    with watching(progress) as tell, faults(asked.storage), patient(tell):
        request = _understood(space, task or Task(), asked)
        tell(Preparing(text=_preparing(request)))
        # the others import PyTorch while this process reads the data and measures
        with ExitStack() as going_on:
            with engaged(asked) as engine, Processes(request.processes - 1) as processes:
                work = begun(request, processes, tell)
                going_on.enter_context(Presence(work.study, work.entry))
                if engine:
                    times, by = Timesheet(), run_elsewhere(work, engine, tell)
                else:
                    times, by = run(work, processes, tell)
            return conclude(work, times, stopped=by is not None, progress=tell)


def _understood(space: str | Path | None, task: Task, settings: SearchSettings) -> Request:
    """Of a space, or of a study that is joined."""
    if space is not None:
        return understand(space, task, settings)
    if settings.study is None:
        raise UsageError(
            "space: give a name or the path of a .py file, or the study that another search has "
            "opened, to join it"
        )
    return join(settings.study, task, settings)


def conclude(work: Work, times: Timesheet, *, stopped: bool, progress: Listener) -> SearchResult:
    """Keeps how the time was spent, judges and trains the best trials again, and sums up."""
    request, study, settings = work.request, work.study, work.request.settings
    known = {"occupancy": times.occupancy, "outside": times.outside, **times.model_dump()}
    spent = {} if request.settings.engines else known  # the workers' is not
    finish(study, work.entry, spent, stopped=stopped)
    Checkpoints(study, settings.storage).sweep()
    write_note(study, settings.storage)  # what follows takes its time, and may be stopped
    again: list[Retrained] = []
    part: Part | None = "search" if stopped else None
    if work.request.joined is not None and not stopped and others_conclude(work):
        progress(Noted(text="the search that began this study judges and trains its best again"))
    elif not stopped:
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
    """Trains the best trials again, as many as were asked for; none if none is complete, and none
    that `vrtune retrain --epochs` has trained. Stopped if the user wants to stop."""
    settings = work.request.settings
    best = [trial.number for trial in ranked(work.study)[: settings.retrain]]
    known = [again for number in best if (again := retrained(work.study, number))]
    kept = [again for again in known if again.asked_epochs]  # the user's own, which stay
    numbers = [number for number in best if number not in {again.trial for again in kept}]
    if not numbers:
        return kept
    with interrupts() as stopping:
        new = retrain_study(
            work.study,
            storage=settings.storage,
            numbers=numbers,
            seeds=settings.retrain_seeds,
            device=work.request.device,
            fused=None if settings.fuse == "auto" else work.job.fused,
            dataset=work.workspace.dataset,
            progress=progress,
            stopping=stopping,
        )
    return sorted(kept + new, key=lambda again: best.index(again.trial))


def _preparing(request: Request) -> str:
    """What is done before there is a plan."""
    others = request.processes - 1
    starting = f", starting {others} more process{'es' * (others > 1)}" if others else ""
    joining = "joining Ray, then " if request.settings.ray else ""
    return f"{joining}reading {Path(request.task.dataset).name}{starting}"
