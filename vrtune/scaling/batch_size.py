"""batch_size(): how far larger batches save steps, each batch size tuned by itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from vrtune.comparing.tuned import Tuned, read_tuned
from vrtune.config import Task
from vrtune.display.progress import Progress
from vrtune.errors import UsageError
from vrtune.given.arguments import takes
from vrtune.scaling import words
from vrtune.scaling.plan import Wanted, missing, wanted
from vrtune.scaling.result import Scaling
from vrtune.scaling.rows import Curve, curve, row
from vrtune.scaling.settings import (
    BATCH_SIZES,
    NO_TASKS,
    STEPS,
    ScalingSettings,
    check_study,
    check_target,
    check_task,
    read_sizes,
)
from vrtune.searching.result import SearchResult
from vrtune.searching.search import search
from vrtune.storages.faults import faults
from vrtune.storages.opening import open_to_read
from vrtune.storages.quiet import quiet
from vrtune.studies.record import load_study

Searched = Callable[[Wanted, int, str], SearchResult]  # a study, trials that it needs, its place


@takes(ScalingSettings)
@quiet()
def batch_size(
    *spaces: str | Path,
    target: float,
    batch_sizes: Iterable[int] = BATCH_SIZES,
    steps: int = STEPS,
    task: Task | None = None,
    progress: Progress = True,
    **settings: Any,
) -> Scaling:
    """Measures the steps to a target over batch sizes, with all settings tuned at each.

    A study a space and batch size is searched, as `search` does it, until it holds the trials that
    were asked for; of what is there nothing is trained again. Its number of steps is that of the
    trial that first has a mean over folds at the target; test data are never read.

    Args:
        *spaces: search spaces: names (`vrtune list spaces`), or .py files.
        target: the validation loss, or other metric of the task, to reach.
        batch_sizes: two or more.
        steps: that every batch size may take, in whole epochs.
        task: what is tuned and how it is judged, but for batch size and epochs.
        progress: as of `search`.
        **settings: how to search; listed below.

    Returns:
        The answer. Printed, it is a table; `rows` and `curves` are its numbers, `panel` is its
        figure, `save()` writes either.

    Raises:
        UsageError: something in the request is wrong.
        VrtuneError: something in the surroundings is.

    Example:
        >>> from vrtune import Task, batch_size
        >>> task = Task(model="softmax", folds=2, limit=100)
        >>> asked = dict(batch_sizes=[10, 50], target=2.0, steps=15, progress=False)
        >>> found = batch_size("sgd", task=task, trials=2, jobs=1, **asked)
        >>> [(row.study, row.most_steps) for row in found.rows]
        [('sgd-digits-softmax-b10', 15), ('sgd-digits-softmax-b50', 15)]

    References:
        Shallue et al. (2019), Measuring the Effects of Data Parallelism on Neural Network
        Training, arXiv 1811.03600. McCandlish et al. (2018), An Empirical Model of Large-Batch
        Training, arXiv 1812.06162.

    The settings:
    """
    asked = ScalingSettings.read(settings)
    check(spaces, target, steps, task)
    check_study(asked.study, spaces)
    with faults(asked.storage):
        studies = wanted(spaces, read_sizes(batch_sizes), steps, task or Task(), asked)

        def searched(each: Wanted, trials: int, said: str) -> SearchResult:
            own = dict(each.settings) | {"trials": trials}
            return search(each.space, each.task, progress=progress, **own)

        search_missing(studies, searched)
        return answer(studies, target, steps)


def check(spaces: Sequence[str | Path], target: float, steps: int, task: Task | None) -> None:
    """UsageError for what no search would refuse."""
    if not spaces:
        raise UsageError("batch_size() needs a search space: give a name or a .py file")
    if isinstance(target, bool) or not isinstance(target, int | float) or not math.isfinite(target):
        raise UsageError(f"target: give the value to reach, a number (got {target!r})")
    if task is not None and not isinstance(task, Task):
        raise UsageError(f"task: give a Task (got {task!r})")
    task = task or Task()
    check_target(target, task.metric)
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise UsageError(f"steps: give a whole number above 0 (got {steps!r})")
    check_task(task)


def search_missing(studies: Sequence[Wanted], searched: Searched) -> bool:
    """Searches what is missing of each study, one after another; False if the user stopped it."""
    for i, each in enumerate(studies):
        if trials := missing(each):
            place = f"search {i + 1} of {len(studies)}: {each.label}, batch size {each.batch_size}"
            if searched(each, trials, place).stopped:
                return False
    return True


@quiet()
def answer(studies: Sequence[Wanted], target: float, steps: int) -> Scaling:
    """What the studies say by now."""
    first = studies[0]
    storage = open_to_read(first.settings.storage)
    read: list[tuple[Wanted, Tuned]] = []
    known = {study.study_name for study in storage.get_all_studies()}
    for each in studies:
        if each.study in known:
            read.append((each, read_tuned(load_study(storage, each.study, each.settings.storage))))
    if not read:
        raise UsageError("no study was searched yet: give them time")
    measure = read[0][1].measure
    labels = dict.fromkeys(each.label for each, _ in read)
    curves: list[Curve] = [
        curve([row(tuned, each, target) for each, tuned in read if each.label == label])
        for label in labels
    ]
    return Scaling(
        task=read[0][1].task.model_copy(update={name: getattr(Task(), name) for name in NO_TASKS}),
        target=target,
        metric=measure.metric,
        score=measure.score,
        direction=measure.direction,
        steps=steps,
        trials=first.trials,
        samples=first.samples,
        curves=tuple(curves),
        sentences=tuple(words.sentence(each, target, measure) for each in curves),
        notes=tuple(note for each in curves for note in words.notes(each, first.trials)),
    )
