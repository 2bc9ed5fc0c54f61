"""The files of a retraining: whole, of one retraining, and never in the way of its result."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from retraining.conftest import Searched
from safetensors import SafetensorError
from safetensors.torch import load_file

from vrtune import retrain
from vrtune.errors import VrtuneError
from vrtune.retraining import weights
from vrtune.storages import locks
from vrtune.studies.folders import MARK
from vrtune.studies.retrained import retrained


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_file_a_seed_and_the_curves(searched: Searched) -> None:
    (result,) = retrain("s", storage=searched.url, trial=0, seeds=2)
    folder = searched.results / "trial-0"
    assert result.folder == str(folder)
    assert set(files(folder)) == {"curves.json", "seed-1.safetensors", "seed-2.safetensors"}
    curves = json.loads((folder / "curves.json").read_text())
    assert (curves["seeds"], curves["epochs"]) == (2, 2)
    assert load_file(folder / "seed-1.safetensors").keys() == {"linear.weight", "linear.bias"}
    assert retrained(searched.study, 0) == result


def test_seeds_of_an_earlier_retraining_are_gone(searched: Searched) -> None:
    retrain("s", storage=searched.url, trial=0, seeds=3)
    (searched.results / "trial-0" / "notes.txt").write_text("mine")
    retrain("s", storage=searched.url, trial=0, seeds=1)
    assert set(files(searched.results / "trial-0")) == {
        *("curves.json", "seed-1.safetensors", "notes.txt")
    }


def test_files_and_result_are_of_one_retraining(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others that train the trial again wait until both are kept."""
    held = []

    def noting(call: Callable[..., None]) -> Callable[..., None]:
        def noted(*args: Any) -> None:
            held.append(bool(locks._held))
            call(*args)

        return noted

    for name in ("_replace", "keep"):
        monkeypatch.setattr(weights, name, noting(getattr(weights, name)))
    retrain("s", storage=searched.url, trial=0, seeds=1)
    assert held == [True, True]


def fail(at: int, error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file number `at` can't be written, and no later one."""
    done = []
    save = weights.save_file

    def save_file(tensors: Any, path: Path, metadata: dict[str, str]) -> None:
        done.append(path)
        if len(done) >= at:
            path.write_bytes(b"half of i")
            raise error
        save(tensors, path, metadata)

    monkeypatch.setattr(weights, "save_file", save_file)


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("Error while serializing: I/O error: No space left (os error 28)"),
        OSError(28, "No space left on device"),
        PermissionError(13, "Permission denied"),
    ],
    ids=repr,
)
def test_the_result_is_kept_though_the_weights_can_not_be(
    error: Exception, searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(2, error, monkeypatch)
    with pytest.raises(VrtuneError, match=r"trial-0 can't be written \([NP][\w ]+\): .*kept with"):
        retrain("s", storage=searched.url, trial=0, seeds=2)
    kept = retrained(searched.study, 0)
    assert kept is not None
    assert kept.folder is None
    assert kept.test_accuracy.mean is not None
    assert set(files(searched.results)) == {MARK}


def test_earlier_files_stay_whole_when_later_ones_can_not_be_written(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    retrain("s", storage=searched.url, trial=0, seeds=2)
    before = files(searched.results)
    fail(2, OSError(28, "No space left on device"), monkeypatch)
    with pytest.raises(VrtuneError):
        retrain("s", storage=searched.url, trial=0, seeds=3)
    assert files(searched.results) == before


def test_all_results_are_kept_before_a_word_is_said(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(1, OSError(28, "No space left on device"), monkeypatch)
    with pytest.raises(VrtuneError):
        retrain("s", storage=searched.url, top=2, seeds=1)
    assert all(retrained(searched.study, number) for number in range(2))


@pytest.mark.parametrize("name", ["seed-1.safetensors", "seed-9.safetensors", "curves.json", ""])
def test_a_folder_in_the_place_of_a_file_is_told(name: str, searched: Searched) -> None:
    """As in a full disk or a quota, everything but the weights is done."""
    in_the_way = searched.results / "trial-0" / name
    if name:
        in_the_way.mkdir(parents=True)
    else:
        in_the_way.parent.mkdir(parents=True)
        in_the_way.write_text("a file")
    with pytest.raises(VrtuneError, match="can't be written"):
        retrain("s", storage=searched.url, trial=0, seeds=1)
    assert retrained(searched.study, 0)
    names = {str(path.relative_to(searched.results)) for path in searched.results.rglob("*")}
    assert not [name for name in names if re.search("writing|part|tmp", name)]


def test_what_can_not_be_written_is_told_before_anything_is_trained(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vrtune.retraining.trials.train", lambda *_, **__: pytest.fail("trained"))
    (searched.folder / "studies").write_text("a file")
    with pytest.raises(VrtuneError, match=r"studies/s can't be written .*: free or move it"):
        retrain("s", storage=searched.url, seeds=1)
