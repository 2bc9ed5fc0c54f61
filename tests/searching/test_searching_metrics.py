"""Searches that are judged by another metric than the loss, on labels and on numbers, with a model,
a loss and a metric of the user's own."""

from __future__ import annotations

import json
import math
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from vrtune import Task, diagnose, retrain, search
from vrtune.errors import UsageError
from vrtune.events import Event, Planned
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.choice import candidates, ranked
from vrtune.studies.glance import glance
from vrtune.studies.note import note
from vrtune.studies.record import load_study, read_record

QUICK = {"jobs": 1, "retrain_seeds": 2, "confirm": 1, "progress": False}
SMALL = Task(model="softmax", folds=2, epochs=2, limit=200)

NET = """
from torch import nn

def Net(shape, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(shape[0] * shape[1] * shape[2], classes))
"""
LOSS = """
def gap(outputs, y):
    return (outputs[:, 0] - y).abs() - 0.5
"""
METRIC = """
def hits(outputs, y):
    return float((outputs.argmax(1) == y).sum())

hits.direction = "maximize"
"""


def study_of(found: SearchResult, url: str) -> optuna.Study:
    return load_study(open_to_read(url), found.study, url)


@pytest.fixture(scope="module")
def by_accuracy(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, str, list[Event]]:
    """A search of two processes, to be read only."""
    url = f"sqlite:///{tmp_path_factory.mktemp('accuracy')}/studies.db"
    heard: list[Event] = []
    task = SMALL.model_copy(update={"metric": "accuracy"})
    given = {**QUICK, "jobs": 2, "progress": heard.append}
    return search("sgd", task, trials=8, storage=url, **given), url, heard


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table whose targets are numbers, nearly linear in its features."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((300, 1, 1, 6)).astype(np.float32)
    y = 50 + 10 * x[:, 0, 0] @ rng.standard_normal(6) + rng.standard_normal(300)
    path = tmp_path_factory.mktemp("numbers") / "made.npz"
    y = y.astype(np.float32)
    np.savez(path, x_train=x[:200], y_train=y[:200], x_test=x[200:], y_test=y[200:])
    return path


# ---- labels ------------------------------------------------------------------------------------


def test_the_most_accurate_trial_is_chosen(by_accuracy: tuple[SearchResult, str, Any]) -> None:
    found, url, _ = by_accuracy
    study = study_of(found, url)
    assert (found.study, study.direction.name) == ("sgd-digits-softmax-accuracy", "MAXIMIZE")
    assert study.metric_names == ["validation accuracy"]
    complete = [t for t in study.trials if t.state is TrialState.COMPLETE]
    for trial in complete:
        kept = trial.user_attrs
        assert kept["fold_values"] == kept["fold_accuracies"]
        assert trial.value == pytest.approx(fmean(kept["fold_accuracies"]))
        assert trial.intermediate_values[2] == trial.value
        assert kept["fold_losses"] != kept["fold_values"]
        assert "fold_metrics" not in kept
    best = found.best
    assert best is not None
    assert best.confirmed is not None
    assert (found.metric, found.direction, best.fold_losses) == (
        "accuracy", "maximize", study.trials[best.number].user_attrs["fold_losses"],
    )  # fmt: skip
    means = [fmean(c.values) for c in candidates(study) if c.repeats == 1 and not c.failed]
    assert best.confirmed.mean == pytest.approx(max(means))
    assert best.confirmed.values == best.confirmed.accuracies
    assert best.value > 0.4
    assert ranked(study)[0].number == best.number


def test_what_came_of_it_says_so(by_accuracy: tuple[SearchResult, str, Any]) -> None:
    found, url, heard = by_accuracy
    study = study_of(found, url)
    (planned,) = [event for event in heard if isinstance(event, Planned)]
    assert (planned.direction, planned.best) == ("maximize", None)
    assert "validation accuracy  0." in str(found)
    told = note(study, url)
    assert "validation accuracy after each epoch. Higher is better." in told
    assert told.startswith("**validation accuracy 0.")
    seen = glance(study)
    assert (seen.metric, seen.direction) == ("accuracy", "maximize")
    table = found.trials_dataframe()
    assert {"value", "loss", "accuracy"} <= set(table.columns)
    done = table[table.state == "complete"]
    assert (done.value == done.accuracy).all()
    said = json.loads(found.model_dump_json())
    assert SearchResult.model_validate(said) == found


def test_a_later_search_knows_its_best(tmp_path: Path) -> None:
    url, heard = f"sqlite:///{tmp_path}/studies.db", list[Event]()
    task = SMALL.model_copy(update={"metric": "macro-f1"})
    first = search("sgd", task, trials=2, storage=url, **QUICK)
    assert first.best
    search("sgd", task, trials=1, storage=url, **{**QUICK, "progress": heard.append, "retrain": 0})
    (planned,) = [event for event in heard if isinstance(event, Planned)]
    study = study_of(first, url)
    assert planned.best == max(t.value for t in study.trials[:2] if t.value is not None)
    assert set(study.trials[0].user_attrs["fold_metrics"]) == {"macro-f1"}
    assert set(first.best.fold_metrics) == {"accuracy", "macro-f1"}
    assert set(first.best.confirmed.metrics if first.best.confirmed else ()) == {"macro-f1"}
    for again in first.retrained:
        assert set(again.test_metrics) == set(again.train_metrics) == {"accuracy", "macro-f1"}
        assert again.test_metrics["accuracy"] == again.test_accuracy
        assert (again.score, again.test_score) == ("macro-f1", again.test_metrics["macro-f1"])
    with pytest.raises(UsageError, match=r"another task \(metric was macro-f1, now loss\)"):
        search("sgd", SMALL, study=first.study, storage=url, **QUICK)


def test_a_training_that_diverged_is_never_the_best(tmp_path: Path) -> None:
    """Whatever its accuracy: that of weights that are no numbers is a tenth."""
    space = tmp_path / "wild.py"
    space.write_text(
        "from vrtune import SGD, TrialConfig\n"
        "def suggest(trial):\n"
        "    return TrialConfig(optimizer=SGD(lr=trial.suggest_categorical('lr', [1e-9, 1e38])))\n"
        "GRID = {'lr': [1e-9, 1e38]}\n"
    )
    url = f"sqlite:///{tmp_path}/studies.db"
    task = SMALL.model_copy(update={"metric": "accuracy"})
    given = {**QUICK, "retrain": 0}
    found = search(space, task, sampler="grid", pruner="none", storage=url, **given)
    tame, wild = study_of(found, url).trials
    assert wild.user_attrs["diverged"] is True
    assert wild.user_attrs["fold_values"] == wild.user_attrs["fold_losses"] == [None, None]
    assert all(math.isnan(value) for value in wild.intermediate_values.values())
    assert found.best
    assert found.best.number == tame.number


# ---- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("metric", "better"), [("loss", min), ("r2", max), ("rmse", min)])
def test_numbers_are_searched_to_the_end(
    metric: str, better: Any, numbers: Path, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    task = Task(dataset=str(numbers), model="softmax", folds=2, epochs=3, metric=metric)
    found = search("sgd", task, trials=3, pruner="none", storage=url, **QUICK)
    study = study_of(found, url)
    complete = [t for t in study.trials if t.state is TrialState.COMPLETE]
    assert found.best
    assert "fold_accuracies" not in complete[0].user_attrs
    assert set(complete[0].user_attrs["fold_metrics"]) == {"r2", "rmse", "mae"}
    assert study.best_value == better(t.value for t in complete)
    (again,) = found.retrained
    assert (again.test_accuracy, again.train_accuracy, again.failed) == (None, None, 0)
    assert set(again.test_metrics) == {"r2", "rmse", "mae"}
    assert again.score == ("r2" if metric == "loss" else metric)
    assert again.test_metrics["r2"].mean is not None
    assert again.test_metrics["r2"].mean > 0.9
    assert again.test_score == again.test_metrics[again.score]
    table = found.trials_dataframe()
    assert table.accuracy.isna().all()
    assert table.r2.notna().any()
    assert f"validation {metric}" in str(found)
    assert note(study, url)
    assert Path(str(again.folder)).exists()
    curve = retrain(found.study, storage=url, seeds=1, test_curve=True, progress=False)[0]
    assert (curve.test_accuracies, len((curve.test_scores or [])[0])) == (None, 3)
    assert diagnose(found.study, storage=url, epochs=1, progress=False).readings


# ---- own files ---------------------------------------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """A task with a model and a metric in files of the working folder."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    for name, text in {"net.py": NET, "hits.py": METRIC, "gap.py": LOSS}.items():
        Path(name).write_text(text)
    return SMALL.model_copy(update={"model": "net.py:Net", "metric": "hits.py:hits", "epochs": 1})


def searched(task: Task, **given: Any) -> SearchResult:
    return search("sgd", task, trials=1, **{**QUICK, **given})


def test_own_files_are_remembered_and_may_move(own: Task, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    found = searched(own, storage=url)
    record = read_record(study_of(found, url))
    assert found.study == "sgd-digits-Net-hits"
    assert record.task.model == f"{tmp_path}/project/net.py:Net"
    assert set(record.objects) == {"model", "metric"}
    assert (record.metric, record.direction) == ("hits", "maximize")
    assert found.best
    assert found.best.value > 20  # a count, of 100 samples
    Path("net.py").rename(tmp_path / "net.py")
    with pytest.raises(UsageError, match=r"model of study .* is not at .*net\.py, nor is net\.py"):
        retrain(found.study, storage=url, progress=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert retrain(found.study, storage=url, seeds=1, progress=False)
        assert diagnose(found.study, storage=url, progress=False).readings
    moved = own.model_copy(update={"model": str(tmp_path / "net.py:Net")})
    assert searched(moved, storage=url, retrain=0).trials.complete == 2
    assert read_record(study_of(found, url)).task.model == f"{tmp_path}/net.py:Net"


@pytest.mark.parametrize(
    ("name", "what", "edit"),
    [
        ("net.py", "model", ("nn.Flatten()", "nn.Flatten(), nn.Identity()")),
        pytest.param("hits.py", "metric", (".sum()", ".sum() / 2"), marks=pytest.mark.slow),
        pytest.param("hits.py", "metric", ('"maximize"', '"minimize"'), marks=pytest.mark.slow),
    ],
)
def test_edited_files_are_refused(
    name: str, what: str, edit: tuple[str, str], own: Task, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    found = searched(own, storage=url, retrain=0)
    before = Path(name).read_text()
    Path(name).write_text(before.replace(*edit))
    for accept in ("refuse", "accept"):
        with pytest.raises(UsageError, match=rf"another text of its {what} than .*{name} holds"):
            searched(own, storage=url, edited_space=accept)
    for call in (retrain, diagnose):
        with pytest.raises(UsageError, match=rf"{name} holds another text of the {what} than"):
            call(found.study, storage=url, progress=False)
    Path(name).write_text(before + "\n# the same, with a remark\n")
    assert retrain(found.study, storage=url, seeds=1, progress=False)


def test_a_loss_below_zero_fails_nothing(numbers: Path, own: Task, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    task = Task(dataset=str(numbers), model="softmax", folds=2, epochs=3, loss="gap.py:gap")
    found = search("sgd", task, trials=3, pruner="none", storage=url, **QUICK)
    assert found.study == "sgd-made-softmax-gap"
    assert found.best
    assert found.best.value < 0
    assert found.best.confirmed
    assert found.best.confirmed.failed == found.retrained[0].failed == 0
