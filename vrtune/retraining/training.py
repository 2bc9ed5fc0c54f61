"""Settings trained on the whole training set and judged: the only place that reads test data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.events import Event, Retraining, Stopped
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.memory import check_trainings, hungriest, told_of_memory
from vrtune.lanes.plan import Fuse, plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.steps import Steps
from vrtune.lanes.workspace import Workspace
from vrtune.studies.choice import failed_seeds
from vrtune.studies.retrained import Retrained, spread
from vrtune.trial_config import TrialConfig


def train(
    configs: dict[int, TrialConfig],
    workspace: Workspace,
    seeds: int,
    *,
    fused: bool | None = None,  # by the rule
    others: Sequence[Sequence[float]] = (),  # losses by which a seed has failed or not
    progress: Callable[[Event], None] = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> tuple[dict[int, Retrained], dict[int, list[dict[str, Tensor]]]]:
    """Trains settings on the whole training part, every seed a lane, then reads the test set;
    returns results, and each seed's tensors.

    UsageError if they don't fit; Stopped, with nothing to show for it, when `stopping` is true.
    """
    workspace.dataset.check_test()  # not after hours of training
    largest, count = hungriest(configs.values()), seeds * len(configs)
    check_trainings(workspace, largest, count)
    with one_thread(workspace.device):
        fuse: Fuse = "auto" if fused is None else "on" if fused else "off"
        way = plan(workspace, largest, fuse, count)
    pool = Pool(workspace, workspace.seeds(seeds), fused=way.fused, most=way.most)
    curves: dict[int, list[list[float]]] = {number: [] for number in configs}
    out: dict[int, Retrained] = {}
    weights: dict[int, list[dict[str, Tensor]]] = {}
    steps, epochs = Steps(progress), workspace.task.epochs

    def after_step() -> None:
        if stopping():
            raise Stopped
        steps.tell(pool)

    with told_of_memory(workspace, count):
        with one_thread(workspace.device):
            pool.exchange([], configs)
            for epoch in range(1, epochs + 1):
                for number, losses in pool.train_epoch(after_step).items():
                    curves[number].append(losses)
                progress(Retraining(epoch=epoch, epochs=epochs))
        test = workspace.on_device(workspace.dataset.read_test())
        for lanes in pool.groups.values():
            index = torch.arange(len(test[1]), device=workspace.device)
            loss, accuracy = lanes.judge(test, index.expand(len(lanes.seats), -1))
            views = lanes.rows.layout.views(lanes.rows.W) | lanes.rows.buffers
            for number in dict.fromkeys(lane.trial for lane in lanes.seats):
                rows = [row for row, lane in enumerate(lanes.seats) if lane.trial == number]
                weights[number] = [
                    {name: v[row].detach().cpu().contiguous() for name, v in views.items()}
                    for row in rows
                ]
                out[number] = Retrained(
                    trial=number,
                    seeds=seeds,
                    test_accuracy=spread(accuracy[rows].tolist()),
                    test_loss=spread(loss[rows].tolist()),
                    train_losses=[
                        finite(list(curve)) for curve in zip(*curves[number], strict=True)
                    ],
                    gradient_computations=sum(lanes.seats[r].gradient_computations for r in rows),
                    failed=failed_seeds(loss[rows].tolist(), workspace.dataset.classes, others),
                )
    return out, weights


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
        Test accuracy (0 to 1) and loss over seeds, training losses, gradient computations.
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
