"""Processes of a search take the data and the folds that their parent read and drew."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch

from vrtune import Task, search
from vrtune.data import Dataset
from vrtune.errors import VrtuneError
from vrtune.lanes.workspace import Workspace
from vrtune.searching.handover import Handover, take_over

CPU = torch.device("cpu")


@contextmanager
def handed_over(workspace: Workspace) -> Iterator[Path]:
    """The path of it, for as long as its file is open."""
    with closing(Handover()) as handover:
        handover.fill(workspace)
        yield handover.path


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


def test_numbers_to_predict_travel(tmp_path: Path) -> None:
    text = "a,price\n" + "\n".join(f"{i},{i / 2}" for i in range(50))
    (tmp_path / "homes.csv").write_text(text)
    task = Task(dataset=str(tmp_path / "homes.csv"), target="price", model="softmax", batch_size=8)
    first = Workspace(task, Path(), CPU)
    with handed_over(first) as path:
        second = take_over(path, task, CPU, threads=1)
        assert second.dataset.fingerprint == first.dataset.fingerprint
        assert (second.dataset.classes, second.dataset.outputs) == (0, 1)
        assert second.objective.numbers
        for one, other in zip(first.folds, second.folds, strict=True):
            assert torch.equal(one.validation, other.validation)
            assert (one.y_scale, one.y_shift) == (other.y_scale, other.y_shift)
            assert one.y_scale != 1


def test_nothing_is_read_or_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> Dataset:
        raise AssertionError

    task = Task(limit=200)
    with handed_over(Workspace(task, Path(), CPU)) as path:
        for name in ("of_task", "k_folds"):
            monkeypatch.setattr(f"vrtune.lanes.workspace.{name}", never)
        take_over(path, task, CPU, threads=1)


def test_there_is_no_test_data_in_a_search() -> None:
    task = Task(limit=200)
    with handed_over(Workspace(task, Path(), CPU)) as path:
        taken = take_over(path, task, CPU, threads=1)
        with pytest.raises(VrtuneError, match="no test data"):
            taken.dataset.read_test()
    assert not path.exists()


def test_no_file_can_be_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder for temporary files is empty even while one is in use."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with handed_over(Workspace(Task(limit=200), Path(), CPU)) as path:
        assert path.stat().st_size > 1_000_000
        assert not list(tmp_path.iterdir())


def test_other_systems_have_a_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a process can't open anew what it inherits."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("vrtune.searching.handover.OPENED", Path("/none/at/all"))
    task = Task(limit=200)
    first = Workspace(task, Path(), CPU)
    with handed_over(first) as path:
        assert [path] == list(tmp_path.iterdir())
        second = take_over(path, task, CPU, threads=1)
        assert second.dataset.fingerprint == first.dataset.fingerprint
    assert not list(tmp_path.iterdir())


@pytest.fixture
def small_files() -> Iterator[None]:
    """Room for so little as on a full disk, or under a quota."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # less than the data; what pytest itself writes to a file is less
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_400_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def hand_over() -> None:
    with handed_over(Workspace(Task(limit=200), Path(), CPU)):
        pass


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.usefixtures("small_files")
def test_no_room_is_told_in_a_sentence_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    """By a search, too, before it writes anything."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = r"no room in .* for the training data \(1.5 MB\) .*: set TMPDIR .*, or give --jobs 1"
    task, url = Task(model="softmax", limit=100, folds=2, epochs=1), f"sqlite:///{tmp_path}/s.db"
    tell = hand_over if jobs == 1 else partial(search, "sgd", task, jobs=2, storage=url)
    with pytest.raises(VrtuneError, match=said):
        tell()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", ["none", "file"])
def test_a_folder_that_can_not_be_written_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / folder))
    with pytest.raises(VrtuneError, match=r"can't be written \((No such|Not a) .*: set TMPDIR"):
        hand_over()


def test_no_folder_for_temporary_files_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", lambda: ["/none/at/all"])
    with pytest.raises(VrtuneError, match="set TMPDIR to another folder, or give --jobs 1"):
        hand_over()
