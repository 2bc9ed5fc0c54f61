"""work(): trains trials of a study that a search has opened: the unit that an engine starts."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from vrtune.config import Settings, Storage, Task
from vrtune.display.progress import Progress, watching
from vrtune.events import Event, Finished, Preparing
from vrtune.given.arguments import Device, SomePath
from vrtune.searching.beginning import begun
from vrtune.searching.joining import join
from vrtune.searching.processes import Processes
from vrtune.searching.running import run
from vrtune.searching.settings import SearchSettings
from vrtune.storages.faults import faults
from vrtune.storages.opening import DEFAULT_URL
from vrtune.storages.patience import patient
from vrtune.storages.quiet import quiet
from vrtune.storages.secrets import public
from vrtune.studies.goals import goal_of, left


class Worked(Settings):
    """What came of it: `vrtune work --json` prints it."""

    study: str
    storage: str
    trials: int  # that ended here
    goal: int | None  # trials of the whole study; None: a budget decides
    reached: bool  # no other trial is to start; others may still train theirs
    stopped_by: int | None  # the number of a signal
    seconds: float


@quiet()
def work(
    study: str,
    *,
    storage: Storage = DEFAULT_URL,
    jobs: Literal["auto"] | int = "auto",
    device: Device = "auto",
    data_dir: SomePath | None = None,
    progress: Progress = True,
) -> Worked:
    """Trains trials of a study that a search has opened, until it has all that were asked for.

    Task, space, sampler and pruner are the study's. However many do so at once, on whatever
    machines, together they start no more trials than that. Nothing is retrained.

    Args:
        study: its name.
        storage: the URL of the storage that keeps it.
        jobs: processes; auto: one a core on a CPU, one a GPU.
        device: where to train; auto: CUDA where there is one.
        data_dir: where data lie here, or their own path; None: where the search found them.
        progress: whether to show it; or what is called with events instead.

    Returns:
        How many trials ended here, and whether the study has all by now. The first Ctrl-C or
        SIGTERM puts open trials back, and this returns.

    Raises:
        UsageError: there is no such study, no goal, or another text of its space.
        VrtuneError: something in the surroundings is wrong: missing data, a locked database.

    Example:
        >>> from vrtune import work  # the study is that of search's example
        >>> work("sgd-digits-softmax", jobs=1, progress=False).trials
        0
    """
    began, ended = time.monotonic(), 0
    given: dict[str, Any] = {"study": study, "storage": storage, "jobs": jobs, "device": device}
    if data_dir is not None:
        given["data_dir"] = Path(data_dir)
    asked = SearchSettings.read({**given, "retrain": 0})
    with watching(progress) as tell, faults(asked.storage), patient(tell):

        def count(event: Event) -> None:
            nonlocal ended
            ended += isinstance(event, Finished) and event.state != "put back"
            tell(event)

        request = replace(join(str(asked.study), Task(), asked), works=True)
        opened, by = request.joined, None
        assert opened
        if request.left:
            tell(Preparing(text=f"joining study {opened.study_name}"))
            with Processes(request.processes - 1) as processes:
                _, by = run(begun(request, processes, tell), processes, count)
        goal = goal_of(opened)
        return Worked(
            study=opened.study_name,
            storage=public(asked.storage),
            trials=ended,
            goal=goal.trials if goal else None,
            reached=not left(opened),
            stopped_by=by,
            seconds=round(time.monotonic() - began, 3),
        )
