"""range_test(): one short run of lanes in which the learning rate rises from step to step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from optuna.distributions import FloatDistribution
from optuna.trial import FixedTrial
from torch import Tensor

from vrtune import spaces
from vrtune.config import Task
from vrtune.display.progress import Progress, watching
from vrtune.errors import UsageError
from vrtune.events import Retraining, Stopped
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.batches import bounds
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.memory import check_trainings, told_of_memory
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.steps import Steps
from vrtune.lanes.workspace import Workspace
from vrtune.ranging.result import RangeTest
from vrtune.ranging.rows import row
from vrtune.ranging.settings import HIGHEST, LOWEST, STEPS, check_rates
from vrtune.spaces import Space
from vrtune.storages.quiet import quiet
from vrtune.trial_config import TrialConfig
from vrtune.units import ScheduleSettings


class _Rising(ScheduleSettings):
    """(lowest / highest)^(1 - i / (steps - 1)) in step i: times the highest, rates in even ratios.

    No unit, as nothing else trains by it: it has no kind.
    """

    ratio: float  # lowest / highest
    steps: int
    batches: int  # of an epoch

    def factors(self, t: Tensor, epochs: int) -> Tensor:
        i = (t * self.batches).round().clamp(max=self.steps - 1)
        return self.ratio ** (1 - i / (self.steps - 1))


class _Enough(Exception):
    """All steps are taken."""


@quiet()
@checked
def range_test(
    space: str | Path,
    task: Task | None = None,
    *,
    lowest: float = LOWEST,
    highest: float = HIGHEST,
    steps: int = STEPS,
    data_dir: SomePath = Path("data"),
    device: Device = "auto",
    progress: Progress = True,
    stopping: Callable[[], bool] = lambda: False,
) -> RangeTest:
    """Trains a space's DEFAULT while the learning rate rises from step to step, on every fold.

    lr_i = lowest (highest / lowest)^(i / (steps - 1)),  i = 0 .. steps - 1

    The training losses over these rates say where a search of the learning rate is worth while.
    Nothing is kept, and no validation or test data are read. The setting's own schedule gives way.

    Args:
        space: a name (`vrtune list spaces`), or the path of a .py file.
        task: data, model, batch size and folds; None: Task(). Epochs, patience, average and metric
            play no part.
        lowest: learning rate of the first step, above 0.
        highest: that of the last, above `lowest`.
        steps: 20 or more.
        data_dir: where data sets lie, or are downloaded to.
        device: where to train; auto: CUDA where there is one.
        progress: whether to show it; or what is called with events instead.
        stopping: asked after each step; once it says True, Stopped is raised.

    Returns:
        The losses and what they say: printed, a table; `suggested`, `panel` and `save(path)`.

    Raises:
        UsageError: something in the request is wrong, such as a space without DEFAULT, or one whose
            method sets its step size itself.
        VrtuneError: something in the surroundings is wrong, such as missing data.

    Example:
        >>> from vrtune import Task, range_test
        >>> found = range_test("sgd", Task(model="softmax", folds=2), steps=100, progress=False)
        >>> low, high = found.suggested
        >>> 1e-4 < low < 0.1 < high
        True

    References: Smith, "Cyclical learning rates for training neural networks", WACV 2017, 3.3.
    """
    check_rates(lowest, highest, steps)
    where, task = choose_device(device), task or Task()
    found = spaces.load(space, task.init, task.penalty, task.average)
    config = _default(found)
    with watching(progress, doing="reading the data") as tell:
        workspace = Workspace(task, Path(data_dir), where, threads=cores(where))
        batches = len(bounds(len(workspace.folds[0].train), task.batch_size))
        rising = _Rising(ratio=lowest / highest, steps=steps, batches=batches)
        optimizer = config.optimizer.model_copy(update={"lr": highest})
        raised = config.model_copy(update={"optimizer": optimizer, "schedule": rising})
        workspace.task = task.model_copy(update={"epochs": math.ceil(steps / batches)})

        def on_step() -> None:
            if stopping():
                raise Stopped

        losses = _train(workspace, raised, steps, tell, on_step)
    if not all(math.isfinite(own[0]) for own in losses):
        raise UsageError("the very first losses are not finite: make the weights or inputs smaller")
    rates = [lowest * (highest / lowest) ** (i / (steps - 1)) for i in range(steps)]
    return RangeTest(
        space=found.name,
        task=task,
        config=config,
        rates=tuple(rates),
        folds=tuple(
            row(fold.name, rates, own) for fold, own in zip(workspace.folds, losses, strict=True)
        ),
        mean=row("all", rates, [statistics.fmean(each) for each in zip(*losses, strict=True)]),
        searched=_searched(found),
    )


def _train(
    workspace: Workspace,
    config: TrialConfig,
    steps: int,
    tell: Callable[..., None],
    on_step: Callable[[], None],
) -> list[list[float]]:
    """The training losses of every fold, step by step."""
    lanes = len(workspace.folds)
    check_trainings(workspace, config, lanes)
    with one_thread(workspace.device), told_of_memory(workspace, lanes):
        way = plan(workspace, config, "auto", lanes)
        pool = Pool(workspace, workspace.folds, fused=way.fused, most=way.most)
        pool.exchange([], {0: config})
        (group,) = pool.groups.values()
        widths = [
            stop - start for start, stop in bounds(len(workspace.folds[0].train), group.batch_size)
        ]
        epochs = group.epochs
        tell(Retraining(epoch=0, epochs=epochs, doing="raising the learning rate"))
        said, seen, last = Steps(tell), list[Tensor](), (-1, -1)

        def after_step() -> None:
            nonlocal last
            on_step()
            said.tell(pool)
            at = group.seats[0].epoch, group.steps_done
            if not group.steps_done or at == last:  # a snapshot's own pass
                return
            last = at
            seen.append(group.total / widths[group.steps_done - 1])
            group.total.zero_()  # this step's alone, however large the ones before
            if len(seen) == steps:
                raise _Enough

        try:
            for epoch in range(1, epochs + 1):
                pool.train_epoch(after_step)
                tell(Retraining(epoch=epoch, epochs=epochs))
        except _Enough:
            pass
    return torch.stack(seen, dim=1).tolist()


def _default(space: Space) -> TrialConfig:
    """The setting that is tested. UsageError if a space has none, or its method no learning
    rate."""
    point = space.default()
    if not point:
        raise UsageError(f"{space.path} has no DEFAULT, whose learning rate could rise: add one")
    config = space.suggest(FixedTrial(point))  # type: ignore[arg-type]
    if config.estimator.sets_step_size:
        raise UsageError(
            f"{config.estimator.kind} sets the step size itself, and has no learning rate that "
            "could rise: test another space, such as sgd"
        )
    return config


def _searched(space: Space) -> tuple[float, float] | None:
    given = space.ranges().get("lr")
    return (given.low, given.high) if isinstance(given, FloatDistribution) else None
