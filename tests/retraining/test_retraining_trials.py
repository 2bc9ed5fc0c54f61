"""Trials trained again: which, on which data, and what is left when that ends early."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import optuna
import pytest
from retraining.conftest import TASK, Searched

from vrtune import SGD, TrialConfig, diagnose, export, retrain, search, train
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Retraining, Stepped, Stopped
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import ranked
from vrtune.studies.configs import read_config
from vrtune.studies.record import RECORD, find_trial, load_study, read_record
from vrtune.studies.retrained import ATTRIBUTE, retrained


def test_it_can_be_stopped_between_two_steps(searched: Searched) -> None:
    events: list[Event] = []
    before = searched.study.user_attrs
    with pytest.raises(Stopped):
        retrain(
            "s",
            storage=searched.url,
            progress=events.append,
            stopping=lambda: any(event.kind == "step" for event in events),
        )
    assert [type(event) for event in events] == [Retraining, Stepped]
    assert searched.study.user_attrs == before
    assert not searched.results.exists()
    assert retrain("s", storage=searched.url, seeds=1)


def test_it_says_where_it_is(searched: Searched, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vrtune.lanes.steps.EVERY_S", 0.0)
    events: list[Event] = []
    retrain("s", storage=searched.url, trial=1, seeds=1, progress=events.append)
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [(s.trial, s.epoch, s.step, s.steps) for s in steps] == [
        (1, epoch, step, 4) for epoch in (1, 2) for step in (1, 2, 3, 4)
    ]
    ends = [event for event in events if isinstance(event, Retraining)]
    assert [(event.epoch, event.epochs) for event in ends] == [(0, 2), (1, 2), (2, 2)]


def test_a_trial_that_was_added_by_hand_can_not_be_trained(searched: Searched) -> None:
    searched.study.add_trial(optuna.trial.create_trial(value=0.1))
    for call in (retrain, diagnose):
        with pytest.raises(UsageError, match="trial 2 was added by hand, without the settings"):
            call("s", storage=searched.url, trial=2)
    assert [result.trial for result in retrain("s", storage=searched.url, seeds=1)] != [2]


def test_a_study_of_trials_that_were_added_by_hand(searched: Searched) -> None:
    theirs = optuna.create_study(study_name="t", storage=open_storage(searched.url))
    theirs.set_user_attr(RECORD, searched.study.user_attrs[RECORD])
    with pytest.raises(UsageError, match="no complete trial"):
        retrain("t", storage=searched.url)
    theirs.add_trial(optuna.trial.create_trial(value=0.1))
    with pytest.raises(UsageError, match="no complete trial"):
        retrain("t", storage=searched.url)
    with pytest.raises(UsageError, match="trial 0 was added by hand"):
        retrain("t", storage=searched.url, trial=0)


def test_a_study_named_by_another_program_keeps_its_weights_here(searched: Searched) -> None:
    theirs = optuna.create_study(study_name="../../x", storage=open_storage(searched.url))
    theirs.set_user_attr(RECORD, searched.study.user_attrs[RECORD])
    theirs.add_trials(searched.study.get_trials())
    (result,) = retrain("../../x", storage=searched.url, seeds=1)
    folder = Path(str(result.folder)).resolve()
    assert folder.is_relative_to(searched.folder / "studies")
    assert (folder / "seed-1.safetensors").is_file()


@pytest.mark.parametrize("source", ["own.py", "{0}/own.txt", "{0}/link.py", "{0}/../{1}/own.py"])
def test_a_file_that_a_foreign_study_names_is_not_run(source: str, searched: Searched) -> None:
    """Where it is not named as a search names it: in full, and without a detour."""
    for name in ("own.py", "own.txt"):
        (searched.folder / name).write_text("import pathlib; pathlib.Path('ran').touch()")
    (searched.folder / "link.py").symlink_to(searched.folder / "own.py")
    study = searched.study
    path = source.format(searched.folder, searched.folder.name)
    record = read_record(study).model_copy(update={"sources": (path,)})
    study.set_user_attr(RECORD, record.model_dump(mode="json"))
    config = {"optimizer": {"kind": "of another"}}
    study.add_trial(optuna.trial.create_trial(value=0.1, user_attrs={"config": config}))
    with pytest.raises(UsageError, match="is not the full path of a Python file"):
        retrain("s", storage=searched.url, trial=2)
    assert not (searched.folder / "ran").exists()


def test_a_file_of_another_user_is_not_run(
    searched: Searched, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = searched.folder / "own.py"
    own.write_text("import pathlib; pathlib.Path('ran').touch()")
    study = searched.study
    record = read_record(study).model_copy(update={"sources": (str(own),)})
    study.set_user_attr(RECORD, record.model_dump(mode="json"))
    config = {"optimizer": {"kind": "of another"}}
    study.add_trial(optuna.trial.create_trial(value=0.1, user_attrs={"config": config}))
    if os.geteuid() == 0:  # root's files are anyone's to run
        os.chown(own, 1, -1)
    monkeypatch.setattr("os.getuid", lambda: own.stat().st_uid + 1)
    with pytest.raises(UsageError, match="is another user's"):
        retrain("s", storage=searched.url, trial=2)
    assert not (searched.folder / "ran").exists()


def test_it_trains_longer_than_the_search_did(searched: Searched) -> None:
    """As a training of the same setting with so many epochs, bit for bit."""
    (result,) = retrain("s", storage=searched.url, trial=1, seeds=2, epochs=3)
    assert (result.asked_epochs, len(result.train_losses[0])) == (3, 3)
    alone = train(
        read_config(searched.study, find_trial(searched.study, 1)),
        TASK.model_copy(update={"epochs": 3}),
        seeds=2,
    )
    assert (result.train_losses, result.test_loss) == (alone.train_losses, alone.test_loss)
    assert "with 2 seeds, for 3 epochs" in str(result)
    told = json.loads(export("s", storage=searched.url, trial=1))
    assert (told["protocol"]["epochs"], told["results"]["retrain"]["epochs"]) == (2, 3)
    (usual,) = retrain("s", storage=searched.url, trial=1, seeds=2)
    assert (usual.asked_epochs, len(usual.train_losses[0])) == (None, 2)


def test_a_search_leaves_a_longer_retraining_as_it_is(searched: Searched) -> None:
    before = retrain("s", storage=searched.url, top=2, seeds=1, epochs=3)
    given = {"jobs": 1, "study": "s", "storage": searched.url, "confirm": 0, "pruner": "none"}
    found = search("sgd", TASK, trials=1, retrain=3, **given)
    order = [again.trial for again in found.retrained]
    assert order == [trial.number for trial in ranked(searched.study)]
    kept = {again.trial: again for again in found.retrained}
    assert [kept[again.trial] for again in before] == before
    assert (kept[2].asked_epochs, kept[2].seeds) == (None, 3)


@pytest.mark.parametrize("given", [0, -1, 10**15, 10**23])
def test_no_epochs_and_too_many_are_refused(searched: Searched, given: int) -> None:
    with pytest.raises(UsageError, match="epochs must be at least 1"):
        retrain("s", storage=searched.url, epochs=given)


# ---- data --------------------------------------------------------------------------------------


def npz(path: Path, test_shape: tuple[int, ...] = (8, 4, 4)) -> Path:
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (80, 4, 4), dtype=np.uint8), np.arange(80) % 2
    x_test = np.zeros(test_shape, np.uint8)
    np.savez(path, x_train=x, y_train=y, x_test=x_test, y_test=np.zeros(len(x_test), int))
    return path


def test_a_study_goes_on_with_data_that_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    task = TASK.model_copy(update={"dataset": str(npz(tmp_path / "m.npz")), "limit": None})
    given = {"study": "s", "jobs": 1, "retrain": 0, "trials": 1}
    search("sgd", task, **given)
    (tmp_path / "new").mkdir()
    (tmp_path / "m.npz").rename(tmp_path / "new" / "m.npz")
    for call in (retrain, diagnose):
        with pytest.raises(UsageError, match="give the folder that they lie in now"):
            call("s")
        assert call("s", data_dir="new")
    search("sgd", task.model_copy(update={"dataset": "new/m.npz"}), **given)
    assert retrain("s", seeds=1)
    record = read_record(load_study(open_storage("sqlite:///studies.db"), "s", ""))
    assert record.task.dataset == str(tmp_path / "new" / "m.npz")


def test_test_data_that_do_not_fit_are_told_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("vrtune.retraining.training.Pool", lambda *_, **__: pytest.fail("trained"))
    task = TASK.model_copy(update={"dataset": str(npz(tmp_path / "m.npz", (8, 5, 5)))})
    task = task.model_copy(update={"limit": None})
    with pytest.raises(VrtuneError, match="prepare both alike"):
        train(TrialConfig(optimizer=SGD(lr=0.1)), task)
    with pytest.raises(VrtuneError, match="prepare both alike"):
        search("sgd", task, trials=1, jobs=1, study="s")
    assert not (tmp_path / "studies.db").exists()


def test_home_is_found_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    npz(tmp_path / "home" / "m.npz")
    task = TASK.model_copy(update={"dataset": "~/m.npz", "limit": None})
    url = Path("~/x.journal")
    search("sgd", task, trials=1, jobs=1, study="s", storage=url, data_dir="~/data", retrain=0)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    study = load_study(open_storage(str(url.expanduser())), "s", "")
    record = read_record(study)
    assert record.task.dataset == str(tmp_path / "home" / "m.npz")
    assert record.data_dir == str(tmp_path / "home" / "data")
    monkeypatch.setenv("HOME", "/nowhere")
    assert retrain("s", storage=tmp_path / "home" / "x.journal", seeds=1)


@pytest.mark.parametrize("kept", ["text", {}, {"trial": 0}, [1], 3, None])
def test_a_result_that_no_retraining_left_is_none(kept: object, searched: Searched) -> None:
    searched.study.set_user_attr(ATTRIBUTE.format(0), kept)
    assert retrained(searched.study, 0) is None
