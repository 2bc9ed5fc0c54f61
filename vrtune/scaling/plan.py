"""The studies of a question: one a space and batch size, checked before the first is searched."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import optuna

from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.lanes.batches import bounds
from vrtune.lanes.workspace import Workspace
from vrtune.scaling.settings import ScalingSettings
from vrtune.searching.opening import record_of
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.settings import TRIALS
from vrtune.storages.opening import open_to_read
from vrtune.storages.quiet import quiet
from vrtune.studies.counts import states
from vrtune.studies.naming import default_name
from vrtune.studies.record import check_study

OVER = ("interrupted", "running", "queued")  # no states of a trial that was tried


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A study that the question needs."""

    space: str | Path
    label: str  # of the method
    task: Task
    settings: ScalingSettings  # with the study's name
    trials: int  # that it is brought to
    samples: int  # of a fold's training part
    steps: int  # of an epoch

    @property
    def study(self) -> str:
        """Its name."""
        return str(self.settings.study)

    @property
    def batch_size(self) -> int:
        return self.task.batch_size


@quiet()
def wanted(
    spaces: Sequence[str | Path],
    batch_sizes: Sequence[int],
    steps: int,
    task: Task,
    settings: ScalingSettings,
) -> list[Wanted]:
    """The studies, space by space, the least batch size first. Nothing is written.

    Every batch size may take `steps` steps, in whole epochs: E(B) = ceil(steps / steps an epoch).
    So all that lies between perfect scaling and no gain can be seen, and a study does not depend on
    which other batch sizes are asked for.

    Raises UsageError or VrtuneError for whatever a search would be refused for.
    """
    smallest = task.model_copy(update={"batch_size": batch_sizes[0], "epochs": 1})
    first = understand(spaces[0], smallest, settings)
    threads = first.threads(first.processes)
    data = Workspace(first.task, settings.data_dir, first.device, threads=threads)
    samples = min(len(split.train) for split in data.splits)
    found: dict[str, Wanted] = {}
    for space in spaces:
        for batch_size in batch_sizes:
            each = _wanted(space, batch_size, steps, task, settings, data, samples)
            if each.study in found:
                raise UsageError(
                    f"spaces {str(found[each.study].space)!r} and {str(space)!r} would both be "
                    f"searched in study {each.study!r}: give each once, or one of their files "
                    "another name"
                )
            found[each.study] = each
    return [*found.values()]


def tried(study: optuna.Study) -> int:
    """Trials of a study that came to an end, good or bad."""
    found = states(study.get_trials(deepcopy=False))
    return sum(state not in OVER for state in found.values())


@quiet()
def missing(each: Wanted) -> int:
    """Trials that a study still needs."""
    try:
        storage = open_to_read(each.settings.storage)
    except VrtuneError:  # there is none yet; understand() has seen that one can be made
        return each.trials
    if each.study not in (study.study_name for study in storage.get_all_studies()):
        return each.trials
    study = optuna.load_study(study_name=each.study, storage=storage)
    return max(0, each.trials - tried(study))


def _wanted(
    space: str | Path,
    batch_size: int,
    steps: int,
    task: Task,
    settings: ScalingSettings,
    data: Workspace,
    samples: int,
) -> Wanted:
    """One of them, checked."""
    an_epoch = len(bounds(samples, batch_size))
    own = task.model_copy(update={"batch_size": batch_size, "epochs": math.ceil(steps / an_epoch)})
    request = understand(space, own, settings)
    name = f"{settings.study or default_name(request.space.name, request.task)}-b{batch_size}"
    named = settings.model_copy(update={"study": name})
    _check(replace(request, settings=named), data)
    return Wanted(
        space=space,
        label=request.space.name,
        task=own,
        settings=named,
        trials=settings.trials or len(request.points) or TRIALS,
        samples=samples,
        steps=an_epoch,
    )


def _check(request: Request, data: Workspace) -> None:
    """Raises what its search would be refused for."""
    settings = request.settings
    workspace = Workspace(
        request.task,
        settings.data_dir,
        request.device,
        data.dataset,
        data.splits,
        threads=data.threads,
    )
    prepare(request, workspace)
    try:
        storage = open_to_read(settings.storage)
    except VrtuneError:  # there is none yet
        return
    record = record_of(request, workspace)
    check_study(storage, request.study, record, settings.edited_space)
