"""retrain(): a study's best trials on the whole training set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import torch

from vrtune.config import LARGEST, Storage
from vrtune.data import Dataset
from vrtune.display.progress import Progress, watching
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Retraining
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.device import choose_device, cores
from vrtune.lanes.workspace import Workspace
from vrtune.retraining.about import about
from vrtune.retraining.resuming import Resuming
from vrtune.retraining.resuming import about as about_training
from vrtune.retraining.training import train
from vrtune.retraining.weights import Weights, save
from vrtune.storages.opening import DEFAULT_URL, open_storage
from vrtune.storages.patience import patient
from vrtune.studies.choice import candidates, ranked
from vrtune.studies.configs import read_config
from vrtune.studies.data import find_data
from vrtune.studies.folders import check_results_folder
from vrtune.studies.note import write_note
from vrtune.studies.objects import find_task
from vrtune.studies.outcome import kept_epochs
from vrtune.studies.record import find_trial, load_study, read_record
from vrtune.studies.retrained import Retrained, keep


@checked
def retrain(
    study: str,
    *,
    storage: Storage = DEFAULT_URL,
    trial: int | None = None,
    top: int = 1,
    seeds: int = 3,
    epochs: int | None = None,
    device: Device = "auto",
    data_dir: SomePath | None = None,
    test_curve: bool = False,
    progress: Progress = True,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Retrained]:
    """Trains a study's best trials on the whole training set, then reads the test set once.

    Args:
        study, storage: the study's name, and the URL of the storage that keeps it.
        trial, top, seeds: one trial by number, or the `top` best; trainings of each, 1 or more.
        epochs: of each training, 1 or more; None: as many as the search trained. The schedule of
            the learning rate stretches with them.
        device: where to train.
        data_dir: where data lie by now, or their own path; None: where the search found them.
        test_curve: whether to keep the test loss and score after every epoch, too, for a figure
            of settings that are chosen already; the test result is still the last epoch's.
        progress: whether to show it; or what is called with events instead.
        stopping: asked after each step; once it says True, Stopped is raised. The same call later
            goes on from the last checkpoint.
    Returns:
        What came out of each trial, the best first; study and folder `studies` keep it, too.
    Raises:
        UsageError, VrtuneError: the request or the surroundings won't do, in one sentence.
    Example:
        >>> from vrtune import retrain  # the study is that of search's example
        >>> [len(again.test_accuracy.values) for again in retrain("sgd-digits-softmax", seeds=2)]
        [2]
    """
    if top < 1 or seeds < 1 or (epochs is not None and not 1 <= epochs <= LARGEST):
        raise UsageError("top, seeds and epochs must be at least 1, and of at most 15 digits")
    url = str(storage)
    where = choose_device(device)
    opened = load_study(open_storage(url, create=False), study, url)
    numbers = [trial] if trial is not None else [t.number for t in ranked(opened)[:top]]
    check_results_folder(study, url, "free or move it")
    with watching(progress, doing="reading the data") as tell, patient(tell):
        results = retrain_study(
            opened,
            storage=url,
            numbers=numbers,
            seeds=seeds,
            epochs=epochs,
            device=where,
            data_dir=None if data_dir is None else Path(data_dir),
            test_curve=test_curve,
            progress=tell,
            stopping=stopping,
        )
    write_note(opened, url)
    return results


def retrain_study(
    study: optuna.Study,
    *,
    storage: str,
    numbers: list[int],
    seeds: int,
    epochs: int | None = None,  # None: those of the search
    device: torch.device,
    fused: bool | None = None,
    dataset: Dataset | None = None,
    data_dir: Path | None = None,
    test_curve: bool = False,
    progress: Callable[[Event], None] = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> list[Retrained]:
    """Trains trials of an open study again; results go to the study, weights beside its storage.

    Results are kept first, of all trials: that weights can't be written is told after that.
    """
    record, task = read_record(study), find_task(study)
    if epochs is not None:
        task = task.model_copy(update={"epochs": epochs})
    configs = {number: read_config(study, find_trial(study, number)) for number in numbers}
    if not configs:
        raise UsageError(f"study {study.study_name!r} has no complete trial: search longer")
    workspace = Workspace(
        task,
        Path(record.data_dir),
        device,
        dataset or find_data(study, data_dir),
        threads=cores(device),
    )
    known = [candidate.losses for candidate in candidates(study)]
    doing = f"training {_named(numbers)} again with {seeds} seed{'s' * (seeds > 1)}"
    done, weights = dict[int, Retrained](), dict[int, Weights]()
    resuming: list[Resuming] = []
    lengths = {epochs: numbers} if epochs else _by_epochs(study, numbers, task.epochs)
    for length, same in lengths.items():
        progress(Retraining(epoch=0, epochs=length, doing=doing))
        settings = {number: configs[number] for number in same}
        what = about_training(workspace, settings, seeds, length, test_curve=test_curve)
        resuming.append(Resuming(study, storage, what, progress))
        trained = train(
            settings,
            workspace,
            seeds,
            epochs=length,
            fused=fused,
            others=known,
            test_curve=test_curve,
            resuming=resuming[-1],
            progress=progress,
            stopping=stopping,
        )
        done |= trained[0]
        weights |= trained[1]
    for number in numbers:
        done[number] = done[number].model_copy(update={"asked_epochs": epochs})
        keep(study, done[number])
    results, faults = list[Retrained](), list[VrtuneError]()
    net = about(workspace, study.study_name)
    for number in numbers:
        told = {**net, "epochs": len(done[number].train_losses[0])}
        try:
            results.append(save(study, storage, done[number], weights[number], told))
        except VrtuneError as fault:
            faults.append(fault)
    if faults:
        raise faults[0]
    for each in resuming:
        each.done()
    return results


def _by_epochs(study: optuna.Study, numbers: list[int], usual: int) -> dict[int, list[int]]:
    """The trials by the number of epochs that they are trained: early stopping may have kept fewer
    than the task has."""
    groups: dict[int, list[int]] = {}
    for number in numbers:
        epochs = kept_epochs(find_trial(study, number)) or usual
        groups.setdefault(epochs, []).append(number)
    return groups


def _named(numbers: list[int]) -> str:
    return f"trial {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} trials"
