"""A study that cannot fit is refused before it starts, with what would fit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from vrtune import Task, search
from vrtune.errors import UsageError
from vrtune.lanes import memory
from vrtune.lanes.memory import activations, check_fit, needed
from vrtune.lanes.workspace import Workspace

TASK = Task(folds=2, limit=120)


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(TASK, Path(), torch.device("cpu"))


def free(monkeypatch: pytest.MonkeyPatch, amount: float) -> None:
    """A machine with so many bytes left."""
    said = SimpleNamespace(available=int(amount / memory.HEADROOM) + 1)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: said)


def test_activations_of_lenet_by_hand(workspace: Workspace) -> None:
    """On digits, 16x16: each layer's output of 32 samples, four bytes a number, twice."""
    maps = 2 * 6 * 16 * 16 + 6 * 8 * 8 + 2 * 16 * 4 * 4 + 16 * 2 * 2
    identities = 6 * 16 * 16 + 16 * 4 * 4 + 120 + 84  # in place of norms
    dense = 2 * 120 + 2 * 84 + 10
    assert activations(workspace, 32) == 2 * 4 * 32 * (maps + identities + dense)


def test_more_lanes_and_samples_need_more(workspace: Workspace) -> None:
    assert needed(workspace, 4, 32) > needed(workspace, 2, 32) > needed(workspace, 2, 16)


def test_what_fits_is_let_through(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 2 * needed(workspace, 4, 32))
    check_fit(workspace, lanes=4, processes=2)


@pytest.mark.parametrize(
    ("processes", "lanes", "batch_size"), [(2, 4, 32), (1, 4, 32), (1, 2, 32), (1, 2, 8)]
)
def test_the_largest_setting_that_fits_is_named(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    lanes: int,
    batch_size: int,
) -> None:
    free(monkeypatch, processes * needed(workspace, lanes, batch_size))
    asked = "lenet with 4 lanes at batch size 32 needs"
    said = f"--jobs {processes} --lanes {lanes} --batch-size {batch_size}"
    with pytest.raises(UsageError, match=f"{asked} .* the largest setting that fits is {said}"):
        check_fit(workspace, lanes=4, processes=3)


def test_nothing_is_written_when_nothing_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 1000)
    with pytest.raises(UsageError, match="use a smaller model"):
        search("sgd", TASK, storage=f"sqlite:///{tmp_path}/studies.db")
    assert not list(tmp_path.iterdir())
