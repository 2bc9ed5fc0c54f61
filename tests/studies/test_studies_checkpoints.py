"""Checkpoints are whole or not there, say whose they are, and go when nobody needs them."""

from __future__ import annotations

import os
import time
from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import TrialState
from safetensors.torch import save_file

from vrtune import Task
from vrtune.errors import VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.studies.checkpoints import STALE_S, Checkpoint, Checkpoints, chain
from vrtune.studies.leases import OpenTrials, put_back
from vrtune.studies.pace import SHARE, Pace
from vrtune.studies.record import StudyRecord, open_study

ABOUT = {"task": {"epochs": 8}, "setting": {"lr": 0.1}}
SAVED = Checkpoint(
    {"W": torch.arange(5.0), "n": torch.tensor(3)}, {"epoch": 4, "last": float("inf")}
)


@pytest.fixture
def study(url: str) -> optuna.Study:
    record = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="d", version="0")
    return open_study(open_storage(url), "some", record)


@pytest.fixture
def kept(study: optuna.Study, url: str) -> Checkpoints:
    checkpoints = Checkpoints(study, url)
    checkpoints.write(7, SAVED, ABOUT)
    return checkpoints


def test_what_is_written_is_read(kept: Checkpoints, tmp_path: Path) -> None:
    found = kept.read(7, ABOUT)
    assert found is not None
    assert torch.equal(found.tensors["W"], SAVED.tensors["W"])
    assert found.tensors["n"].item() == 3
    assert (found.told["epoch"], found.told["last"]) == (4, float("inf"))
    assert kept.path(7).is_relative_to(tmp_path / "studies" / "checkpoints" / "studies.db")
    assert [path.name for path in kept.folder.iterdir()] == ["trial-7.safetensors"]
    assert kept.read(8, ABOUT) is None


@pytest.mark.parametrize("harm", ["cut", "flipped", "flipped in the header", "empty", "foreign"])
def test_a_damaged_or_foreign_one_is_refused(kept: Checkpoints, harm: str) -> None:
    path = kept.path(7)
    content = bytearray(path.read_bytes())
    if harm == "cut":
        del content[-3:]
    elif harm == "flipped":
        content[-3] ^= 1
    elif harm == "flipped in the header":
        content[content.index(b'\\"epoch\\": 4') + 11] = ord("5")
    elif harm == "empty":
        content.clear()
    path.write_bytes(content)
    if harm == "foreign":
        save_file(SAVED.tensors, path)
    with pytest.raises(VrtuneError, match=r"trial-7.safetensors is damaged or no checkpoint \("):
        kept.read(7, ABOUT)


def test_one_of_something_else_is_refused(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(VrtuneError, match=r"was written of another setting$"):
        kept.read(7, {**ABOUT, "setting": {"lr": 0.2}})
    monkeypatch.setattr("vrtune.studies.checkpoints.version", lambda name: "99")
    with pytest.raises(VrtuneError, match=r"was written of another version of vrtune$"):
        kept.read(7, ABOUT)


def test_a_write_that_fails_leaves_the_one_before(
    kept: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        kept.write(7, Checkpoint({"W": torch.zeros(9)}, {"epoch": 5}), ABOUT)
    found = kept.read(7, ABOUT)
    assert found is not None
    assert found.told["epoch"] == 4
    assert len(list(kept.folder.iterdir())) == 1


def test_those_that_nobody_needs_are_swept(study: optuna.Study, url: str) -> None:
    """Kept: of trials that train, that wait to be repeated, and those that these continue."""
    checkpoints, trials = Checkpoints(study, url), OpenTrials(study)
    for _ in range(3):
        trials.take().suggest_float("lr", 0.1, 1)
    study.tell(0, 1.0)
    put_back(study, study.trials[1])
    again = trials.take()
    again.suggest_float("lr", 0.1, 1)
    put_back(study, study.trials[again.number])
    assert [*chain(study, study.trials[4].user_attrs["again"])] == [3, 1]
    for number in (0, 1, 2, 3, 17):
        checkpoints.write(number, SAVED, ABOUT)
    checkpoints.write("again-0", SAVED, ABOUT)
    old, new = (checkpoints.folder / f".writing-{name}" for name in "ab")
    old.touch()
    new.touch()
    os.utime(old, (1, time.time() - STALE_S - 1))
    checkpoints.sweep()
    names = {path.name for path in checkpoints.folder.iterdir()}
    assert names == {
        new.name,
        "again-0.safetensors",
        *(f"trial-{n}.safetensors" for n in (1, 2, 3)),
    }
    for number in (2, 4):
        study._storage.set_trial_state_values(study.trials[number]._trial_id, TrialState.FAIL)
    new.unlink()
    checkpoints.remove("again-0")
    checkpoints.sweep()
    assert not checkpoints.folder.parent.parent.exists()


def test_the_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    assert not Pace("off").due(5)
    assert [Pace(3).due(epochs) for epochs in (1, 2, 3, 4)] == [False, False, True, True]
    pace = Pace()
    pace.begin()
    pace.took(0.5)
    pace.took(0.5)
    now[0] += 1.0 / SHARE - 1
    assert not pace.due(1)
    now[0] += 1
    assert pace.due(1)
    assert not pace.due(0)
