"""Studies that are judged by another metric: how they are kept, continued, refused and chosen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.studies.choice import Confirmed, candidates, failed_seeds, keep, ranked
from vrtune.studies.data import find_data
from vrtune.studies.glance import glance
from vrtune.studies.naming import default_name
from vrtune.studies.objects import check_own, find_task, objects_of
from vrtune.studies.outcome import fold_losses, fold_metrics, fold_values
from vrtune.studies.record import StudyRecord, measure_of, open_study, read_record

NOW: dict[str, Any] = {"space": "sgd", "fingerprint": "0" * 16, "data_dir": "d", "version": "0"}
ACCURATE = StudyRecord(**NOW, task=Task(metric="accuracy"), metric="accuracy", direction="maximize")


@pytest.fixture
def storage() -> BaseStorage:
    return InMemoryStorage()


def trained(study: optuna.Study, accuracies: list[float], losses: list[float]) -> None:
    trial = study.ask()
    given = {"config": {}, "fold_values": accuracies, "fold_accuracies": accuracies}
    for name, value in {**given, "fold_losses": losses}.items():
        trial.set_user_attr(name, value)
    study.tell(trial, sum(accuracies) / len(accuracies))


# ---- names and records -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "name"),
    [
        (Task(), "sgd-digits-lenet"),
        (Task(model="/x/net.py:Net", norm="batch"), "sgd-digits-Net-batchnorm"),
        (Task(model="zoo.nets:Net", metric="accuracy"), "sgd-digits-Net-accuracy"),
        (Task(dataset="/x/data.py:load", loss="mse"), "sgd-data-lenet-mse"),
        (Task(dataset="/x/data.py:small"), "sgd-data-small-lenet"),
        (Task(dataset="my.data:load", loss="/x/f.py:gap"), "sgd-data-lenet-gap"),
        (Task(dataset="/x/houses.csv", target="price", metric="r2"), "sgd-houses-price-lenet-r2"),
    ],
)
def test_what_is_unusual_about_a_task_is_in_its_name(task: Task, name: str) -> None:
    assert default_name("sgd", task) == name


def test_a_study_goes_the_way_of_its_metric(storage: BaseStorage) -> None:
    for _ in range(2):  # made, then continued
        study = open_study(storage, "s", ACCURATE)
    assert study.direction.name == "MAXIMIZE"
    assert study.metric_names == ["validation accuracy"]
    assert measure_of(study) == read_record(study).measure == ACCURATE.measure
    assert (glance(study).metric, glance(study).direction) == ("accuracy", "maximize")


@pytest.mark.parametrize("trials", [0, 1])
def test_one_that_goes_the_other_way_is_another_s(storage: BaseStorage, trials: int) -> None:
    theirs = optuna.create_study(study_name="s", storage=storage)
    for _ in range(trials):
        theirs.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(UsageError, match="'s' minimizes its value, so vrtune did not make it"):
        open_study(storage, "s", ACCURATE)


def test_another_metric_is_another_task(storage: BaseStorage) -> None:
    open_study(storage, "s", ACCURATE)
    with pytest.raises(UsageError, match=r"another task \(metric was accuracy, now loss\)"):
        open_study(storage, "s", StudyRecord(**NOW, task=Task()))


def test_records_of_older_versions_are_judged_by_loss(storage: BaseStorage) -> None:
    study = optuna.create_study(study_name="s", storage=storage)
    old = {"metric", "score", "direction", "objects"}
    study.set_user_attr(
        "vrtune", StudyRecord(**NOW, task=Task()).model_dump(mode="json", exclude=old)
    )
    assert read_record(study).measure.value == "validation loss"
    assert measure_of(optuna.create_study()).value == "validation loss"


@pytest.mark.parametrize("field", ["metric", "score"])
def test_a_metric_s_name_can_be_shown(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        StudyRecord(**NOW, task=Task(), **{field: "\x1b[2J"})


# ---- own files ---------------------------------------------------------------------------------


def own(folder: Path, text: str = "def Net(shape, classes): ...\n") -> StudyRecord:
    path = folder / "net.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    task = Task(model=f"{path}:Net")
    return StudyRecord(**NOW, task=task, objects=objects_of(task))


def test_an_own_model_may_move_but_not_change(storage: BaseStorage, tmp_path: Path) -> None:
    open_study(storage, "s", own(tmp_path / "a"))
    study = open_study(storage, "s", own(tmp_path / "b"))
    assert read_record(study).task.model == f"{tmp_path}/b/net.py:Net"
    edited = own(tmp_path / "b", "def Net(shape, classes, norm): ...\n")
    said = r"another text of its model than .*/b/net\.py holds now.* or put the earlier text back"
    for accept in ("refuse", "accept"):
        with pytest.raises(UsageError, match=said):
            open_study(storage, "s", edited, accept)  # type: ignore[arg-type]
    other = own(tmp_path / "c", "def Net(shape): ...\n")
    with pytest.raises(UsageError, match=r"model was .*/b/net\.py:Net, now .*/c/net\.py:Net"):
        open_study(storage, "s", other)


def test_it_is_found_in_the_working_folder(
    storage: BaseStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = open_study(storage, "s", own(tmp_path / "a"))
    assert find_task(study) == read_record(study).task
    (tmp_path / "a" / "net.py").unlink()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"is not at .*/a/net\.py, nor is net\.py in this folder"):
        find_task(study)
    own(tmp_path, "def Net(): ...\n")
    with pytest.raises(UsageError, match=r"net\.py holds another text of the model than when"):
        find_task(study)
    own(tmp_path, "# as it was, with a remark\ndef Net(shape, classes): ...\n")
    assert find_task(study).model == f"{tmp_path}/net.py:Net"


def test_a_study_names_no_file_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study, path = optuna.create_study(study_name="s"), tmp_path / "net.py"
    path.write_text("")
    check_own(study, path, "model")
    with pytest.raises(UsageError, match=r"for its model, which is not the full path"):
        check_own(study, Path("net.py"), "model")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    if path.stat().st_uid:
        with pytest.raises(UsageError, match=r"for its model, which is another user's"):
            check_own(study, path, "model")


def test_own_data_are_found_where_they_lie_now(storage: BaseStorage, tmp_path: Path) -> None:
    path = tmp_path / "a" / "data.py"
    path.parent.mkdir()
    path.write_text(
        "import numpy as np\n"
        "def load():\n"
        "    x = np.arange(64, dtype=np.float32).reshape(16, 1, 2, 2)\n"
        "    y = np.arange(16) % 2\n"
        "    return x, y, x, y\n"
    )
    task = Task(dataset=f"{path}:load")
    kept = {**NOW, "fingerprint": find_fingerprint(task)}
    study = open_study(storage, "s", StudyRecord(**kept, task=task))
    assert find_data(study).fingerprint == kept["fingerprint"]
    (tmp_path / "b").mkdir()
    path.rename(tmp_path / "b" / "data.py")
    assert find_data(study, tmp_path / "b").fingerprint == kept["fingerprint"]
    with pytest.raises(UsageError, match=r"are not at .*data\.py:load"):
        find_data(study)


def find_fingerprint(task: Task) -> str:
    from vrtune.data import of_task

    return of_task(task, Path()).fingerprint


# ---- the choice --------------------------------------------------------------------------------


def test_the_best_value_is_chosen_and_losses_say_who_failed(storage: BaseStorage) -> None:
    study = open_study(storage, "s", ACCURATE)
    trained(study, [0.8, 0.82], [0.4, 0.5])
    trained(study, [0.9, 0.92], [0.6, 0.7])
    trained(study, [0.95, 0.97], [0.5, 9.0])
    assert [trial.number for trial in ranked(study)] == [2, 1, 0]
    best = candidates(study)[0]
    assert (best.values, best.losses) == ([0.95, 0.97], [0.5, 9.0])
    keep(study, judged_again(1, [0.7, 0.72], [0.6, 0.65], mean=0.83))
    assert [c.number for c in candidates(study)] == [1, 0, 2]  # of which a training failed
    assert candidates(study)[0].values == [0.9, 0.92, 0.7, 0.72]
    assert [trial.number for trial in ranked(study)] == [1, 0, 2]


def judged_again(trial: int, values: list[Any], losses: list[Any], mean: float) -> Confirmed:
    return Confirmed(
        trial=trial, losses=[losses], accuracies=[values], values=[values],
        trainings=2 + len(losses), gradient_computations=3.0, mean=mean, guess=math.log(10),
    )  # fmt: skip


def test_repeats_are_added_up() -> None:
    first, second = judged_again(1, [0.7], [0.6], 0.8), judged_again(1, [0.5], [0.9], 0.75)
    both = first.and_then(second)
    assert (both.losses, both.judged, both.accuracies) == (
        [[0.6], [0.9]],
        [[0.7], [0.5]],
        [[0.7], [0.5]],
    )
    assert (both.gradient_computations, both.mean, both.baseline) == (6.0, 0.75, math.log(10))


def test_confirmations_of_older_versions_know_their_classes() -> None:
    kept = {"trial": 0, "losses": [[1.0]], "accuracies": [[0.5]], "trainings": 2, "mean": 1.0}
    old = Confirmed(**kept, gradient_computations=1.0, classes=10)
    assert (old.baseline, old.judged) == (math.log(10), [[1.0]])
    assert Confirmed(**kept, gradient_computations=1.0).baseline is None


@pytest.mark.parametrize("guess", [0.0, -1.0, math.nan, math.inf])
def test_where_a_guess_says_nothing_only_what_is_not_finite_failed(guess: float) -> None:
    assert failed_seeds([-3.0, 0.1, 1e30, math.nan, math.inf], guess) == 2


def test_losses_below_zero_fail_where_they_are_no_better_than_a_guess() -> None:
    assert failed_seeds([-3.0, -2.0, 0.5, 0.99], guess=1.0) == 1


def test_what_a_trial_says_of_its_folds() -> None:
    given: dict[str, Any] = {
        "fold_values": [0.5, None], "fold_losses": [1.0, None], "fold_accuracies": [0.5, 0.1],
        "fold_metrics": {"macro-f1": [0.4, None], "wrong": "text", "r2": [math.inf]},
    }  # fmt: skip
    trial = optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs=given)
    assert (fold_values(trial), fold_losses(trial)) == ([0.5, None], [1.0, None])
    assert fold_metrics(trial) == {"accuracy": [0.5, 0.1], "macro-f1": [0.4, None]}
    old = optuna.trial.create_trial(state=TrialState.PRUNED, user_attrs={"fold_values": [2.0]})
    assert (fold_losses(old), fold_metrics(old)) == ([2.0], {})
