"""retrain(): the best trials on the whole training set. The only place that reads test data."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import optuna
import torch
from safetensors.torch import save_file
from torch import Tensor

from vrtune.config import Settings, Task, storage_url
from vrtune.data import Dataset
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Retraining
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.memory import check_trainings, hungriest, told_of_memory
from vrtune.lanes.plan import Fuse, plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.workspace import Workspace
from vrtune.studies.choice import candidates, failed_seeds, ranked
from vrtune.studies.record import (
    check_data,
    find_trial,
    load_study,
    read_config,
    read_record,
)
from vrtune.studies.storage import DEFAULT_URL, open_storage, sqlite_path
from vrtune.trial_config import TrialConfig

ATTRIBUTE = "retrain-{}"  # of the study: a finished trial's own can't be changed


class Spread(Settings):
    """A figure over seeds; null where a training diverged."""

    mean: float | None = None
    std: float | None = None
    values: list[float | None]


class Retrained(Settings):
    """A trial trained again on the whole training set and judged once, at the end."""

    trial: int
    seeds: int
    test_accuracy: Spread
    test_loss: Spread
    train_losses: list[list[float | None]]  # [seed][epoch]
    gradient_computations: float
    failed: int = 0  # seeds that diverged or learned little
    folder: str | None = None  # holds weights and curves


def spread(values: list[float]) -> Spread:
    """Mean, standard deviation (n - 1; 0 for one value) and each value."""
    known = finite(values)
    if None in known:
        return Spread(mean=None, std=None, values=known)
    std = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(mean=statistics.fmean(values), std=std, values=known)


def train(
    configs: dict[int, TrialConfig],
    workspace: Workspace,
    seeds: int,
    *,
    fused: bool | None = None,  # by the rule
    others: Sequence[Sequence[float]] = (),  # losses by which a seed has failed or not
    progress: Callable[[Event], None] = lambda event: None,
) -> tuple[dict[int, Retrained], dict[int, list[dict[str, Tensor]]]]:
    """Trains settings on the whole training part, every seed a lane, then reads the test set;
    returns results, and each seed's tensors. UsageError if they don't fit."""
    largest, count = hungriest(configs.values()), seeds * len(configs)
    check_trainings(workspace, largest, count)
    with one_thread(workspace.device):
        fuse: Fuse = "auto" if fused is None else "on" if fused else "off"
        way = plan(workspace, largest, fuse, count)
    pool = Pool(workspace, workspace.seeds(seeds), fused=way.fused, most=way.most)
    curves: dict[int, list[list[float]]] = {number: [] for number in configs}
    out: dict[int, Retrained] = {}
    weights: dict[int, list[dict[str, Tensor]]] = {}
    with told_of_memory(workspace, count):
        with one_thread(workspace.device):
            pool.exchange([], configs)
            for epoch in range(1, workspace.task.epochs + 1):
                for number, losses in pool.train_epoch(lambda: None).items():
                    curves[number].append(losses)
                progress(Retraining(epoch=epoch))
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


def train_config(
    config: TrialConfig,
    task: Task,
    seeds: int = 3,
    data_dir: str | Path = "data",
    device: Literal["auto", "cpu", "cuda"] = "auto",
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


def retrain(
    study: str,
    *,
    storage: str | Path = DEFAULT_URL,
    trial: int | None = None,
    top: int = 1,
    seeds: int = 3,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    data_dir: str | Path | None = None,
    progress: Callable[[Event], None] = lambda event: None,
) -> list[Retrained]:
    """Trains a study's best trials on the whole training set, then reads the test set once.

    Args:
        study, storage: the study's name, and the URL of the storage that keeps it.
        trial, top, seeds: one trial by number, or the `top` best; trainings of each, 1 or more.
        data_dir, device: where data lies (default: where the search found it); where to train.
        progress: called with an event after each epoch.
    Returns:
        What came out of each trial, the best first; study and folder `studies` keep it, too.
    Raises:
        UsageError, VrtuneError: the request or the surroundings won't do, in one sentence.
    Example:
        >>> from vrtune import retrain  # the study is that of search's example
        >>> [len(again.test_accuracy.values) for again in retrain("sgd-digits-softmax", seeds=2)]
        [2]
    """
    if top < 1 or seeds < 1:
        raise UsageError("top and seeds must be at least 1")
    storage = storage_url(storage)
    opened = load_study(open_storage(storage, create=False), study, storage)
    numbers = [trial] if trial is not None else [t.number for t in ranked(opened)[:top]]
    return retrain_study(
        opened,
        storage=storage,
        numbers=numbers,
        seeds=seeds,
        device=choose_device(device),
        data_dir=data_dir,
        progress=progress,
    )


def retrain_study(
    study: optuna.Study,
    *,
    storage: str,
    numbers: list[int],
    seeds: int,
    device: torch.device,
    fused: bool | None = None,
    dataset: Dataset | None = None,
    data_dir: str | Path | None = None,
    progress: Callable[[Event], None] = lambda event: None,
) -> list[Retrained]:
    """Trains trials of an open study again; results go to the study, weights beside its storage."""
    record = read_record(study)
    configs = {number: read_config(study, find_trial(study, number)) for number in numbers}
    if not configs:
        raise UsageError(f"study {study.study_name!r} has no complete trial: search longer")
    workspace = Workspace(
        record.task,
        Path(data_dir or record.data_dir),
        device,
        dataset,
        threads=cores(device),
    )
    check_data(study, workspace.dataset.fingerprint)
    known = [candidate.losses for candidate in candidates(study)]
    done, weights = train(configs, workspace, seeds, fused=fused, others=known, progress=progress)
    results = []
    for number in numbers:
        folder = save(study.study_name, storage, record.task, done[number], weights[number])
        result = done[number].model_copy(update={"folder": str(folder)})
        study.set_user_attr(ATTRIBUTE.format(number), result.model_dump(mode="json"))
        results.append(result)
    return results


def retrained(study: optuna.Study, number: int) -> Retrained | None:
    """What the study remembers of a trial's retraining."""
    kept = study.user_attrs.get(ATTRIBUTE.format(number))
    return Retrained.model_validate(kept) if kept else None


def save(
    study: str, storage: str, task: Task, result: Retrained, weights: list[dict[str, Tensor]]
) -> Path:
    """Writes weights (safetensors) and curves (JSON) to studies/STUDY/trial-N."""
    path = sqlite_path(storage)
    folder = (path.parent if path else Path()) / "studies" / study / f"trial-{result.trial}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for seed, tensors in enumerate(weights, 1):
            save_file(tensors, folder / f"seed-{seed}.safetensors")
        curves = {"epochs": task.epochs, **result.model_dump(mode="json", exclude={"folder"})}
        (folder / "curves.json").write_text(json.dumps(curves, indent=2) + "\n")
    except OSError as no:
        raise VrtuneError(f"{folder} can't be written ({no.strerror}): free or move it") from None
    return folder
