"""Processes of a search take the data and the folds that their parent read and drew."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from vrtune import Task
from vrtune.data import Dataset
from vrtune.errors import VrtuneError
from vrtune.lanes.workspace import Workspace
from vrtune.searching.handover import handed_over, take_over

CPU = torch.device("cpu")


@pytest.mark.parametrize("task", [Task(limit=200), Task(limit=200, holdout=0.2)])
def test_the_same_streams_and_data(task: Task) -> None:
    first = Workspace(task, Path(), CPU)
    with handed_over(first) as path:
        second = take_over(path, task, CPU, threads=3)
        assert second.threads == 3
        assert second.dataset.fingerprint == first.dataset.fingerprint
        assert (second.dataset.classes, second.dataset.name) == (10, "digits")
        for one, other in zip(first.folds, second.folds, strict=True):
            assert one.key() == other.key()
            for name in ("train", "validation", "scale", "shift"):
                assert torch.equal(getattr(one, name), getattr(other, name))


def test_nothing_is_read_or_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Dataset:
        raise AssertionError

    task = Task(limit=200)
    with handed_over(Workspace(task, Path(), CPU)) as path:
        for name in ("load", "k_folds"):
            monkeypatch.setattr(f"vrtune.lanes.workspace.{name}", never)
        take_over(path, task, CPU, threads=1)


def test_there_is_no_test_data_in_a_search() -> None:
    task = Task(limit=200)
    with handed_over(Workspace(task, Path(), CPU)) as path:
        taken = take_over(path, task, CPU, threads=1)
        with pytest.raises(VrtuneError, match="no test data"):
            taken.dataset.read_test()
    assert not path.exists()
