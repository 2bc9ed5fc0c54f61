"""A task on a device: its folds, its normalisation, and which mistakes are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from vrtune import Task
from vrtune.data import Dataset, Part
from vrtune.errors import UsageError
from vrtune.lanes.batches import normalised
from vrtune.lanes.device import choose_device, choose_devices, cores, one_thread
from vrtune.lanes.workspace import Workspace

CPU = torch.device("cpu")


def made(dtype: torch.dtype = torch.uint8) -> Dataset:
    """60 images [2, 4, 4] of three classes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(256, (60, 2, 4, 4), generator=generator)
    x[:, 1] //= 3
    part = Part(x.to(dtype) if dtype == torch.uint8 else x.to(dtype) / 255, torch.arange(60) % 3)

    def read_test() -> Part:
        raise AssertionError("the test part is not for training")

    return Dataset("made", 3, part, read_test)


def workspace(dataset: Dataset, **fields: object) -> Workspace:
    task = Task(**{"dataset": "made", "model": "softmax", "folds": 3, "batch_size": 8} | fields)
    return Workspace(task, Path(), CPU, dataset)


def test_folds_are_equal_in_size_and_hold_every_sample_back_once() -> None:
    streams = workspace(made()).folds
    assert [stream.name for stream in streams] == ["fold 0", "fold 1", "fold 2"]
    held_back = [i for stream in streams for i in stream.validation.tolist()]
    assert sorted(held_back) == list(range(60))
    for stream in streams:
        assert len(stream.train) == 40
        assert not set(stream.train.tolist()) & set(stream.validation.tolist())


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_normalised_training_part_has_mean_0_and_deviation_1(dtype: torch.dtype) -> None:
    dataset = made(dtype)
    for stream in workspace(dataset).folds:
        scale, shift = (v.view(1, 1, 2, 1, 1) for v in (stream.scale, stream.shift))
        x = normalised(dataset.train.x, stream.train[None], scale, shift)[0]
        assert x.mean((0, 2, 3)).abs().max() < 1e-5
        torch.testing.assert_close(x.std((0, 2, 3), correction=0), torch.ones(2), rtol=1e-4, atol=0)


def test_normalisation_comes_from_the_training_part_alone() -> None:
    """Images held back do not change it, images trained on do."""
    before = workspace(made()).folds[0]
    for part, changes in ((before.validation, False), (before.train, True)):
        dataset = made()
        dataset.train.x[part] //= 2
        after = workspace(dataset).folds[0]
        assert torch.equal(after.train, before.train)
        assert torch.equal(after.scale, before.scale) is not changes
        assert torch.equal(after.shift, before.shift) is not changes


def test_seeds_train_on_everything() -> None:
    """For a retraining: the same samples, other names for the random numbers."""
    streams = workspace(made(), limit=30).seeds(2)
    assert [stream.name for stream in streams] == ["seed 1", "seed 2"]
    assert torch.equal(streams[0].train, streams[1].train)
    assert len(streams[0].train) == 30
    assert len(streams[0].validation) == 0
    assert streams[0].key() != streams[1].key()


def test_limit_is_of_the_whole_training_set() -> None:
    streams = workspace(made(), limit=30).folds
    used = {i for stream in streams for i in stream.validation.tolist()}
    assert len(used) == 30
    assert {i % 3 for i in used} == {0, 1, 2}


def test_folds_and_normalisation_depend_on_the_tasks_seed_alone() -> None:
    one, again, other = (workspace(made(), seed=seed).folds[0] for seed in (1, 1, 2))
    assert torch.equal(one.train, again.train)
    assert not torch.equal(one.train, other.train)
    assert one.key() != other.key()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": 41}, "batch size 41 .* at most 40"),
        ({"batch_size": 1, "norm": "batch"}, "variance of one sample"),
        ({"model": "lenett"}, "no model 'lenett'.*lenet"),
        ({"model": "lenet"}, "at least 12x12"),
        ({"folds": 21}, "folds=21"),
        ({"limit": 61}, "limit=61"),
    ],
)
def test_a_task_that_cannot_be_done_is_refused_at_once(fields: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        workspace(made(), **fields)


def test_device() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is one")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match="no CUDA device"):
        choose_device("cuda")


def test_tables_have_no_views() -> None:
    rows = torch.rand(60, 7, 1, 1)
    table = Dataset("table", 3, Part(rows, torch.arange(60) % 3), lambda: Part(rows, rows))
    workspace(table)
    with pytest.raises(UsageError, match="views of images, which table has none of"):
        workspace(table, augment="crop-flip")


def test_the_columns_of_a_table_are_normalised_one_by_one() -> None:
    """Or one of large values drowns the others."""
    generator = torch.Generator().manual_seed(0)
    size, mean = torch.tensor([1e-3, 1.0, 1e3]), torch.tensor([5.0, 0.0, -1e3])
    rows = torch.randn(60, 3, generator=generator) * size + mean
    part = Part(rows[:, :, None, None], torch.arange(60) % 3)
    stream = workspace(Dataset("table", 3, part, lambda: part)).folds[0]
    scale, shift = (v.view(1, 1, 3, 1, 1) for v in (stream.scale, stream.shift))
    x = normalised(part.x, stream.train[None], scale, shift)[0].flatten(1)
    torch.testing.assert_close(x.mean(0), torch.zeros(3), rtol=0, atol=1e-3)
    torch.testing.assert_close(x.std(0, correction=0), torch.ones(3), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    "given", ["gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1\n", "CUDA", "cpu:0", "mps:0", "cuda:²"]
)
def test_a_device_of_another_name_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="choose one of auto, cpu, cuda, cuda:N") as caught:
        choose_device(given)
    assert "\n" not in str(caught.value)


def test_one_of_several_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("cuda:1") == torch.device("cuda", 1)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda", 0)
    with pytest.raises(UsageError, match="no CUDA device 9 here: there are 2, cuda:0 to cuda:1"):
        choose_device("cuda:9")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(UsageError, match="no CUDA device 1 here: there is one, cuda:0"):
        choose_device("cuda:1")


def test_all_gpus_but_where_one_is_numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choose_devices("cpu") == (CPU,)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    zero, one, two = (torch.device("cuda", number) for number in range(3))
    assert choose_devices("cuda") == choose_devices("auto") == (one, zero, two)
    assert choose_devices("cuda:2") == (two,)


def test_cuda_of_a_process_that_this_one_was_forked_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "_is_in_bad_fork", lambda: True)
    with pytest.raises(UsageError, match=r"this one was forked from.*'spawn'"):
        choose_device("cuda")


FORKED = """
import os, signal, torch
from vrtune.lanes.device import choose_device
torch.set_num_threads(2)
large = torch.ones(4_000_000, dtype=torch.float64)
large.float()  # on two threads, which the child lacks
if (child := os.fork()) == 0:
    signal.alarm(60)
    choose_device("cpu")
    large.float()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_does_not_wait_for_threads_it_lacks() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=90)
    assert ran.stdout == "7\n", ran.stderr


def test_apples_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(UsageError, match="no MPS device here"):
        choose_device("mps")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    device = choose_device("mps")
    assert device.type == "mps"
    assert cores(device) == 1
    with one_thread(device):
        pass
