"""Settings trained on the whole training set and judged: the only place that reads test data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter

import torch
from torch import Tensor

from vrtune.chains import ChainRule
from vrtune.chains.effective import effective_samples
from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.events import Event, Retraining, Stopped
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.judging import losses_of_samples
from vrtune.lanes.memory import check_trainings, hungriest, told_of_memory
from vrtune.lanes.plan import Fuse, plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.steps import Steps
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace
from vrtune.retraining.resuming import Resuming
from vrtune.retraining.weights import SeedWeights, Weights
from vrtune.studies.choice import failed_seeds
from vrtune.studies.retrained import Retrained, Spread, spread
from vrtune.trial_config import TrialConfig

Data = tuple[Tensor, Tensor]  # x and y
Judged = dict[int, dict[str, list[float]]]  # by trial: loss and metrics of each seed


@dataclass
class _Course:
    """What is noted of a trial after each epoch."""

    train_losses: list[list[float]] = field(default_factory=list)  # [epoch][seed]
    test: list[dict[str, list[float]]] = field(default_factory=list)  # [epoch]: loss and metrics
    costs: list[float] = field(default_factory=list)  # of one seed


def train(
    configs: dict[int, TrialConfig],
    workspace: Workspace,
    seeds: int,
    *,
    epochs: int | None = None,  # all of the task's
    fused: bool | None = None,  # by the rule
    others: Sequence[Sequence[float]] = (),  # losses by which a seed has failed or not
    test_curve: bool = False,
    resuming: Resuming | None = None,
    progress: Callable[[Event], None] = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[dict[int, Retrained], dict[int, Weights]]:
    """Trains settings on the whole training part, every seed a lane, then reads the test set;
    returns results, and each seed's tensors. Fewer `epochs` are the first of the same schedule.

    With `test_curve` the test set is read before, and judged after every epoch, of which nothing
    depends: the result is the last epoch's, as it is without. `resuming` has it go on where an
    earlier one was cut off. UsageError if they don't fit; Stopped when `stopping` is true.
    """
    workspace.dataset.check_test()  # not after hours of training
    largest, count = hungriest(configs.values(), workspace), seeds * len(configs)
    check_trainings(workspace, largest, count)
    with one_thread(workspace.device):
        fuse: Fuse = "auto" if fused is None else "on" if fused else "off"
        way = plan(workspace, largest, fuse, count)
    pool = Pool(workspace, workspace.seeds(seeds), fused=way.fused, most=way.most)
    score = workspace.objective.score
    courses = {number: _Course() for number in configs}
    steps, epochs, seconds = Steps(progress), epochs or workspace.task.epochs, 0.0
    judged: Judged = {}
    before = resuming.find() if resuming else None
    if before:
        seconds = before.told["seconds"]
        courses = {n: _Course(**before.told["courses"][str(n)]) for n in configs}
    done = len(next(iter(courses.values())).costs)

    def after_step() -> None:
        if stopping():
            raise Stopped
        steps.tell(pool)

    with told_of_memory(workspace, count), one_thread(workspace.device):
        test = _test_data(workspace) if test_curve else None
        began = perf_counter()
        pool.exchange([], configs, before.states if before else None)
        for epoch in range(done + 1, epochs + 1):
            train_losses = pool.train_epoch(after_step)
            seconds += perf_counter() - began
            if test:
                judged = _judge(pool, test)
            _note(courses, pool, train_losses, judged)
            if resuming and epoch < epochs:
                told = {"seconds": seconds, "courses": {n: asdict(c) for n, c in courses.items()}}
                resuming.write_due(pool, configs, told)
            progress(Retraining(epoch=epoch, epochs=epochs))
            began = perf_counter()
        for lanes in pool.groups.values():
            if isinstance(lanes.rows.optimizer, ChainRule):
                lanes.objective = lanes.objective.calibrated()
        learned = _judge(pool, workspace.train_data, workspace.indices)
        judged = judged or _judge(pool, _test_data(workspace))
    out: dict[int, Retrained] = {}
    weights: dict[int, Weights] = {}
    for lanes in pool.groups.values():
        views = lanes.rows.named()
        every = [lanes.rows.named(kept) for kept in lanes.rows.optimizer.kept()]
        traces = losses_of_samples(lanes, workspace.train_data, workspace.indices)
        for number, rows in _rows(lanes).items():
            weights[number] = [
                SeedWeights(
                    {name: v[row].detach().to("cpu", copy=True) for name, v in views.items()},
                    {name: torch.stack([each[name][row] for each in every]).cpu() for name in views}
                    if every
                    else {},
                )
                for row in rows
            ]
            course, loss = courses[number], judged[number]["loss"]
            tested, trained = _spreads(judged[number]), _spreads(learned[number])
            out[number] = Retrained(
                trial=number,
                seeds=seeds,
                test_accuracy=tested.get("accuracy"),
                test_loss=spread(loss),
                train_losses=_by_seed(course.train_losses),
                gradient_computations=sum(lanes.seats[r].gradient_computations for r in rows),
                failed=failed_seeds(loss, workspace.objective.guess, others),
                train_accuracy=trained.get("accuracy"),
                train_loss=spread(learned[number]["loss"]),
                costs=course.costs,
                test_losses=_curve(course, "loss"),
                test_accuracies=_curve(course, "accuracy"),
                seconds=round(seconds, 3),
                score=score,
                test_metrics=tested,
                train_metrics=trained,
                test_scores=_curve(course, score) if score != "accuracy" else None,
                continued=done or None,
                effective_samples=None if traces is None else effective_samples(traces[rows]),
            )
    return out, weights


def _test_data(workspace: Workspace) -> Data:
    return workspace.on_device(workspace.dataset.read_test())


def _judge(pool: Pool, data: Data, samples: Tensor | None = None) -> Judged:
    """Loss and metrics of every seed on some samples of the data, or on all: on the images as they
    are, whatever views training takes of them."""
    out: Judged = {}
    chosen = torch.arange(len(data[1])) if samples is None else samples
    for lanes in pool.groups.values():
        index = chosen.to(lanes.device).expand(len(lanes.seats), -1)
        judged = lanes.judge(data, index)
        found = {"loss": judged.loss, **judged.metrics}
        values = {name: of_lanes.tolist() for name, of_lanes in found.items()}
        for number, rows in _rows(lanes).items():
            out[number] = {name: [every[row] for row in rows] for name, every in values.items()}
    return out


def _spreads(judged: dict[str, list[float]]) -> dict[str, Spread]:
    """Of all metrics beside the loss, over seeds."""
    return {name: spread(values) for name, values in judged.items() if name != "loss"}


def _curve(course: _Course, name: str) -> list[list[float | None]] | None:
    """A metric on the test set, [seed][epoch]; None unless it was read after every epoch."""
    known = [judged[name] for judged in course.test if name in judged]
    return _by_seed(known) if known else None


def _note(
    courses: dict[int, _Course], pool: Pool, train_losses: dict[int, list[float]], judged: Judged
) -> None:
    """Takes down how every trial stands after an epoch; `judged` is empty without a test curve."""
    for lanes in pool.groups.values():
        for number, rows in _rows(lanes).items():
            course = courses[number]
            course.train_losses.append(train_losses[number])
            spent = sum(lanes.seats[row].gradient_computations for row in rows)
            course.costs.append(spent / len(rows))
            if judged:
                course.test.append(judged[number])


def _rows(lanes: Lanes) -> dict[int, list[int]]:
    """The rows of every trial, one a seed."""
    out: dict[int, list[int]] = {}
    for row, lane in enumerate(lanes.seats):
        out.setdefault(lane.trial, []).append(row)
    return out


def _by_seed(values: list[list[float]]) -> list[list[float | None]]:
    """[seed][epoch] of [epoch][seed]."""
    return [finite(list(curve)) for curve in zip(*values, strict=True)]


@checked
def train_config(
    config: TrialConfig,
    task: Task,
    seeds: int = 3,
    data_dir: SomePath = "data",
    device: Device = "auto",
) -> Retrained:
    """Trains one setting on the whole training set, then reads the test set once.

    Args:
        config, task: the setting; data, model and epochs (the folds play no part).
        seeds: trainings, 1 or more, each with weights and batches of its own.
        data_dir, device: where data sets lie or are downloaded to; where to train.
    Returns:
        Test and train loss and metrics over seeds, such as accuracy (0 to 1), training losses by
        epoch, and costs.
    Raises:
        UsageError, VrtuneError: the request or the surroundings won't do, in one sentence.
    Example:
        >>> from vrtune import SGD, Task, TrialConfig, train
        >>> train(TrialConfig(optimizer=SGD(lr=0.1)), Task(model="softmax", epochs=1)).seeds
        3
    """
    if seeds < 1:
        raise UsageError("seeds must be at least 1")
    where = choose_device(device)
    workspace = Workspace(task, Path(data_dir), where, threads=cores(where))
    done, _ = train({0: config}, workspace, seeds)
    return done[0]
