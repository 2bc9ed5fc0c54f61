"""A recorded trial is trained again: to the last bit as it was, or the record says what changed."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial

from vrtune import Task, replay, report_folds, search
from vrtune.errors import UsageError
from vrtune.events import Event, Retraining, Stopped
from vrtune.lanes.plan import Plan
from vrtune.lanes.workspace import Workspace
from vrtune.replaying import replay as replaying
from vrtune.replaying.recorded import Recorded, read_recorded
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.configs import read_config
from vrtune.studies.outcome import CONTINUED
from vrtune.studies.record import StudyRecord, load_study, open_study
from vrtune.trial_config import TrialConfig

Found = tuple[SearchResult, str]
TASK = Task(model="softmax", folds=2, epochs=4, limit=100)
SPACE = """
from vrtune import SGD, TrialConfig

GRID = {"lr": [0.1, 1e-30, 1e38]}


def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 1e-30, 1e38, log=True)))
"""


@pytest.fixture(scope="module")
def every_end(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A study whose trials end as trials do: one complete, one pruned, one diverged."""
    folder = tmp_path_factory.mktemp("ends")
    (folder / "ends.py").write_text(SPACE)
    url = f"sqlite:///{folder}/studies.db"
    given = {"sampler": "grid", "jobs": 1, "retrain": 0, "study": "ends", "storage": url}
    search(folder / "ends.py", TASK, progress=False, **given)
    return url


def recorded(url: str, study: str, trial: int | None = None) -> Recorded:
    return read_recorded(load_study(open_to_read(url), study, url), trial)


def with_lr(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    """Replays train with another learning rate than was recorded."""

    def other(study: optuna.Study, trial: FrozenTrial) -> TrialConfig:
        config = read_config(study, trial)
        lr = config.optimizer.lr
        assert lr is not None
        optimizer = config.optimizer.model_copy(update={"lr": lr * factor})
        return config.model_copy(update={"optimizer": optimizer})

    monkeypatch.setattr(replaying, "read_config", other)


def test_every_trial_that_ended_comes_out_again(every_end: str) -> None:
    found = [replay("ends", n, storage=every_end, progress=False) for n in range(3)]
    assert all(each.same for each in found)
    assert {each.state: len(each.epochs) for each in found} == {
        "complete": 4,
        "pruned": 2,  # the pruner looks at two epochs
        "diverged": 1,
    }
    assert found[[each.state for each in found].index("diverged")].replayed == ((None, None),)


def test_it_trains_the_best_unless_told_and_says_what_it_does(found: Found) -> None:
    result, url = found
    events: list[Event] = []
    again = replay(result.study, storage=url, progress=events.append)
    assert result.best is not None
    assert again.trial == result.best.number
    assert again.replayed[-1] == pytest.approx(result.best.fold_values, abs=0)
    trained = [event for event in events if isinstance(event, Retraining)]
    assert [event.epoch for event in trained] == [0, 1, 2]  # no twin is needed
    assert "the same in every bit" in str(again)
    assert again.then == again.now


def test_a_setting_that_is_not_that_of_the_record_is_no_rounding(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, url = found
    with_lr(monkeypatch, 1.001)
    again = replay(result.study, 0, storage=url, progress=False)
    assert again.first is not None
    assert (again.same, again.first.epoch, again.first.folds) == (False, 1, 2)
    assert (again.rounding, again.beyond) == (False, 1)
    assert again.gaps[0] == again.first.gap
    said = dict(again.sentences)["rounding"]
    assert said.startswith("does not explain it: after epoch 1 it is ")


def test_another_way_to_compute_differs_by_rounding(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, url = found
    way = replaying._way

    def other(*given: object) -> Plan:
        chosen: Plan = way(*given)  # type: ignore[arg-type]
        return chosen.model_copy(update={"way": "looped" if chosen.fused else "fused"})

    monkeypatch.setattr(replaying, "_way", other)
    again = replay(result.study, 0, storage=url, progress=False)
    assert again.same or again.rounding  # on some processors both ways give the same bits
    assert again.beyond is None


def test_a_difference_of_rounding_is_told_as_one(
    found: Found, monkeypatch: pytest.MonkeyPatch
) -> None:
    result, url = found
    with_lr(monkeypatch, 1 + 2**-22)  # two units in the last place of float32
    again = replay(result.study, 0, storage=url, progress=False)
    assert again.first is not None
    assert (again.same, again.rounding, again.beyond) == (False, True, None)
    assert again.first.gap is not None
    assert again.first.gap < 1e-6  # of losses near 2 in float32
    assert dict(again.sentences)["rounding"].startswith("explains it: ")


def test_shares_of_labels_jump_by_samples(tmp_path: Path) -> None:
    task = Task(model="softmax", folds=2, epochs=1, limit=100, metric="accuracy")
    workspace = Workspace(task, tmp_path, replaying.choose_device("cpu"))
    assert replaying._least(workspace) == pytest.approx(2 / 50)  # of the 50 that a fold holds back
    workspace.task = task.model_copy(update={"metric": "loss"})
    loss = Workspace(workspace.task, tmp_path, workspace.device)
    assert replaying._least(loss) == 0.0


def test_nothing_is_written(found: Found) -> None:
    result, url = found
    study = load_study(open_storage(url, create=False), result.study, url)
    before = study.user_attrs, study.get_trials()
    replay(result.study, 1, storage=url, progress=False)
    assert (study.user_attrs, study.get_trials()) == before


def test_a_trial_that_went_on_from_a_checkpoint_says_so(found: Found) -> None:
    known = recorded(found[1], found[0].study, 0)
    assert known.continued is None
    trial = known.trial
    trial.user_attrs = {**trial.user_attrs, CONTINUED: 1}
    assert replace(known, trial=trial).continued == 1


def test_versions_of_then_are_told_where_they_differ(found: Found) -> None:
    again = replay(found[0].study, 0, storage=found[1], progress=False)
    assert again.then is not None
    older = again.model_copy(update={"then": again.then.model_copy(update={"torch": "2.0.0"})})
    said = dict(older.sentences)
    assert "torch 2.0.0" in said["then on"]
    assert f"torch {again.now.torch}" in said["now on"]


def test_a_space_that_was_edited_is_told(found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the trial's units are of its file."""
    study = load_study(open_to_read(found[1]), found[0].study, found[1])
    known = recorded(found[1], found[0].study, 0)
    assert replaying._notes(study, known) == ()
    monkeypatch.setattr(replaying, "foreign_kinds", lambda config: {"own"})
    assert replaying._notes(study, known) == ()
    monkeypatch.setattr(replaying, "fingerprint", lambda files: "0" * 16)
    assert "holds another text than when it searched" in replaying._notes(study, known)[0]


def test_it_trains_on_such_a_device_as_the_trial_was(found: Found) -> None:
    known = recorded(found[1], found[0].study, 0)
    assert known.search is not None
    assert replaying._device(known, None).type == "cpu"
    versions = known.search.versions.model_copy(update={"device": "NVIDIA H100"})
    gpu = replace(known, search=known.search.model_copy(update={"versions": versions}))
    if not replaying.torch.cuda.is_available():
        with pytest.raises(UsageError, match=r"was trained on NVIDIA H100, .* give --device cpu"):
            replaying._device(gpu, None)
    assert replaying._device(gpu, "cpu").type == "cpu"


def test_what_has_no_record_is_refused() -> None:
    record = StudyRecord(task=TASK, space="sgd", fingerprint="0" * 16, data_dir="", version="0")
    study = open_study(optuna.storages.InMemoryStorage(), "s", record)

    def refused(number: int) -> str:
        with pytest.raises(UsageError) as told:
            read_recorded(study, number)
        return str(told.value)

    study.enqueue_trial({"lr": 0.1})
    assert refused(0) == "trial 0 is queued: replay it when it has ended"
    trial = study.ask()
    assert refused(0) == "trial 0 is running: replay it when it has ended"
    study.tell(trial, 1.0)
    assert refused(0).startswith("trial 0 (complete) reported no fold's value, so there is nothing")
    assert refused(7) == "study 's' has no trial 7: it has 1"
    for folds, epoch in ([0.1] * 3, 1), ([0.1] * 2, 5), ([0.1] * 2, 0):
        report_folds(trial := study.ask(), folds, epoch)
        study.tell(trial, 1.0)
        assert "has other folds or epochs than its task" in refused(trial.number)
    with pytest.raises(UsageError, match="has no complete trial: search longer"):
        read_recorded(study, None)  # that vrtune ran


def test_it_ends_when_the_user_stops_it(found: Found) -> None:
    with pytest.raises(Stopped):
        replay(found[0].study, storage=found[1], progress=False, stopping=lambda: True)


KILLED = """
import os, signal, sys
from vrtune import Task, search
from vrtune.lanes.pool import Pool

def train_epoch(pool, after_step, train=Pool.train_epoch):
    if any(lane.epoch == 5 for lanes in pool.groups.values() for lane in lanes.seats):
        os.kill(os.getpid(), signal.SIGKILL)
    return train(pool, after_step)

Pool.train_epoch = train_epoch
task = Task(model="lenet", norm="layer", folds=2, epochs=8, limit=200)
search("svrg", task, trials=1, jobs=1, open=1, pruner="none", checkpoint=2, retrain=0,
       study="s", storage=sys.argv[1], progress=False)
"""


@pytest.mark.slow
def test_a_trial_that_was_cut_off_and_continued_comes_out_again(url: str) -> None:
    """Its first epochs were trained by another process than its last."""
    killed = subprocess.run([sys.executable, "-c", KILLED, url], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    go_on = KILLED.replace("Pool.train_epoch = train_epoch", "")
    subprocess.run([sys.executable, "-c", go_on, url], check=True)
    found = [replay("s", number, storage=url, progress=False) for number in (0, 1)]
    assert [each.state for each in found] == ["interrupted", "complete"]
    assert [each.continued for each in found] == [None, 4]
    assert [len(each.epochs) for each in found] in ([4, 8], [5, 8])  # a report may be lost
    assert all(each.same for each in found)
