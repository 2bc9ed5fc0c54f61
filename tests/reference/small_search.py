"""A search of seconds, in this process: what the tests of the search loop run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from optuna.trial import FrozenTrial

from vrtune import Task
from vrtune.events import Event
from vrtune.lanes.workspace import Workspace
from vrtune.searching.job import Job, Quota, run_job
from vrtune.storages.opening import open_storage
from vrtune.studies.record import StudyRecord, load_study, open_study

TASK = Task(model="softmax", folds=2, epochs=3, limit=120)
SPACE = str(Path(__file__).with_name("grid_space.py"))


def trials_of(url: str, name: str = "s") -> list[FrozenTrial]:
    return load_study(open_storage(url), name, url).get_trials(deepcopy=False)


def run(
    url: str,
    trials: int,
    *,
    slots: int = 2,
    progress: Callable[[Event], None] = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> None:
    """A job of study s in a storage, which is made if it is not there."""
    record = StudyRecord(task=TASK, space="g", fingerprint="0" * 16, data_dir="d", version="0")
    open_study(open_storage(url), "s", record)
    job = Job(
        task=TASK, space=SPACE, study="s", storage=url, device="cpu", fused=False,
        slots=slots, sampler="random", pruner="none", validate_at="epochs",
    )  # fmt: skip
    quota = Quota(trials, lambda: False)
    workspace = Workspace(TASK, Path(), torch.device("cpu"))
    run_job(job, workspace=workspace, one_more=quota.take, stopping=stopping, progress=progress)
