"""The third part of a search: its trials are run, here, and maybe by others that search with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from vrtune.display.progress import Listener
from vrtune.events import Event, Noted, RoundEnded, Stopped, TimeSpent
from vrtune.searching.beside import Beside
from vrtune.searching.interrupts import interrupts, within
from vrtune.searching.job import Quota, StudyQuota
from vrtune.searching.ledger import PUTTING_BACK_S, URGED_S
from vrtune.searching.opening import LOOK_S
from vrtune.searching.plan import Work
from vrtune.searching.processes import Processes
from vrtune.searching.timesheet import Timesheet
from vrtune.studies.goals import close, held
from vrtune.studies.grid import waiting
from vrtune.studies.leases import reclaim
from vrtune.studies.presence import concludes, others

STOPPING = "stopping: open trials go back into the queue (once more ends it at once)"


def run(work: Work, processes: Processes, progress: Listener) -> tuple[Timesheet, int | None]:
    """Runs trials, until the study has all that it is to have, time or budget is spent or the user
    stops it. Where others train trials of the study, theirs are waited for by the search that is to
    conclude it, and trained here if they are put back.

    Returns how the time was spent, and the number of the signal that stopped it; no trial is open
    here by then.
    """
    deadline = work.request.began + (work.request.settings.timeout or float("inf"))
    budget = work.request.settings.budget or float("inf")
    spent: dict[int, float] = {}  # by process
    sheets: list[Timesheet] = []
    said = set[str]()
    quota = StudyQuota(
        work.study, lambda: time.monotonic() > deadline or sum(spent.values()) >= budget
    )

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
    with interrupts() as asked, Beside(work, processes) as beside:

        def stopping() -> bool:
            nonlocal told
            if asked() and not told:
                told = True
                progress(Noted(text=STOPPING))
            beside.tell(progress)
            return asked()

        try:
            processes.run(work, quota, stopping, note)
            while not work.request.works and _wait(work, quota, beside, stopping, note):
                before = sum(spent.values())
                spent.clear()
                spent[-1] = before
                with Processes(0) as here:
                    here.run(_alone(work), quota, stopping, note)
        except Stopped:
            pass
        except KeyboardInterrupt as error:  # urged, or a call hung
            raise KeyboardInterrupt(*(error.args or [asked.by])) from error
        finally:  # a storage that never answers holds nobody up
            within(PUTTING_BACK_S, URGED_S, lambda: reclaim(work.study))
        return sum(sheets, Timesheet()), asked.by if stopping() else None


def _wait(
    work: Work,
    quota: Quota,
    beside: Beside,
    stopping: Callable[[], bool],
    progress: Listener,
) -> bool:
    """Waits for the trials that others train; True once some of them are to be trained here."""
    study, mine = work.study, work.entry
    if quota.expired():
        if any(not entry.joined or mine.joined for entry in others(study, mine)):
            return False  # they go on, and conclude
        close(study)
    while not stopping():
        lost = reclaim(study)
        beside.look()
        drawn = lost and not work.request.points  # one that was asked for nothing is not queued
        if (waiting(study) or drawn) and quota.more():
            return True
        ours = _concludes(work)
        count = held(study)
        if ours is False or (ours and not count):
            beside.tell(progress)
            return False
        if count:
            what = f"the last {count} trials" if count > 1 else "the last trial"
            progress(Noted(text=f"others train {what}: waiting for that"))
        else:
            progress(Noted(text="looking whether the search that began this study still goes on"))
        time.sleep(LOOK_S)
    raise Stopped


def others_conclude(work: Work) -> bool:
    """Whether another search judges the best trials and trains them again."""
    return _concludes(work) is False


def _concludes(work: Work) -> bool | None:
    """Whether this search does that; None: not known yet."""
    return concludes(work.study, work.entry, work.beside) if work.entry.joined else True


def _alone(work: Work) -> Work:
    """The same in this process alone, for a few trials that are left."""
    threads = work.request.threads(1)
    job = work.job.model_copy(update={"processes": 1, "together": 0, "threads": threads})
    return replace(work, job=job, processes=1)
