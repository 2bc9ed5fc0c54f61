"""How a search begins, and what it says of that: data, memory, study and plan, in this order."""

from __future__ import annotations

import sys

from vrtune.display.measures import cost
from vrtune.display.progress import Listener
from vrtune.events import Noted, Planned
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import Request, prepare
from vrtune.searching.processes import Processes
from vrtune.studies.choice import ranked


def begun(request: Request, processes: Processes, tell: Listener) -> Work:
    """The work of a request, with the data at hand in all processes; it is told of."""
    prepared = prepare(request)
    for sentence in prepared.workspace.dataset.notes:
        tell(Noted(text=sentence))
    processes.hand_over(prepared.workspace)  # before anything is written
    work = plan(prepared, [process.pid for process in processes.others.values()])
    tell(_planned(work))
    if work.way.note:
        tell(Noted(text=work.way.note))
    return work


def _planned(work: Work) -> Planned:
    """The plan, how much there is to do, and what the study knows already."""
    settings, epochs = work.request.settings, work.request.task.epochs
    direction = work.study.direction.name.lower()
    known = [trial for trial in ranked(work.study) if trial.value is not None]
    best = min(known, key=lambda t: (cost(t.value or 0.0, direction), t.number), default=None)
    return Planned(
        text=str(work),
        trials=None if work.trials == sys.maxsize else work.trials,
        epochs=epochs,
        budget=settings.budget,
        timeout=settings.timeout,
        best=best.value if best else None,
        best_trial=best.number if best else None,
        direction=direction,
    )
