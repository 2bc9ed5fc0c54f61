"""Searches of several methods are checked before the first, and nothing is written meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrtune import Task, search
from vrtune.errors import UsageError
from vrtune.searching.settings import SearchSettings
from vrtune.searching.several import check_all

TASK = Task(model="softmax", folds=2, epochs=1, limit=100)
STUDIES = ["sgd-digits-softmax", "adam-digits-softmax"]
SPACE = """from vrtune import SGD, TrialConfig
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.01, {high})))
"""


def check(url: str, *spaces: str | Path, task: Task = TASK, **more: object) -> list[str]:
    settings = SearchSettings.read({"trials": 1, "jobs": 1, "storage": url, **more})
    return check_all(spaces, task, settings)


def test_studies_are_named_in_the_order_of_the_spaces(url: str, tmp_path: Path) -> None:
    assert check(url, "sgd", "adam") == STUDIES
    assert check(url, "adam", "sgd") == STUDIES[::-1]
    assert not [*tmp_path.iterdir()]


def test_studies_that_can_be_continued_are_no_hindrance(url: str) -> None:
    search("adam", TASK, trials=1, jobs=1, storage=url, retrain=0)
    assert check(url, "sgd", "adam") == STUDIES


def test_a_study_of_another_task_is(url: str) -> None:
    search("adam", TASK, trials=1, jobs=1, storage=url, retrain=0)
    other = TASK.model_copy(update={"epochs": 2})
    with pytest.raises(UsageError, match=r"'adam-digits-softmax' holds another task \(epochs was"):
        check(url, "sgd", "adam", task=other)


def test_a_space_that_was_edited_is(url: str, tmp_path: Path) -> None:
    path = tmp_path / "own.py"
    path.write_text(SPACE.format(high=0.1))
    search(path, TASK, trials=1, jobs=1, storage=url, retrain=0)
    assert check(url, "sgd", path)[1] == "own-digits-softmax"
    path.write_text(SPACE.format(high=0.2))
    with pytest.raises(UsageError, match="began with another text of its search space"):
        check(url, "sgd", path)
    assert check(url, "sgd", path, edited_space="accept")[1] == "own-digits-softmax"


def test_two_files_of_one_name_would_share_a_study(url: str, tmp_path: Path) -> None:
    paths = [tmp_path / folder / "own.py" for folder in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text(SPACE.format(high=0.1))
    with pytest.raises(UsageError, match=r"would both be searched in study 'own-digits-softmax'"):
        check(url, *paths)


def test_a_name_for_one_study_is_none_for_several(url: str) -> None:
    with pytest.raises(UsageError, match="--study 'x' names one study, and 2 spaces make as many"):
        check(url, "sgd", "adam", study="x")


def test_the_data_are_read_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from vrtune.lanes import workspace

    read, times = workspace.of_task, list[str]()
    monkeypatch.setattr(workspace, "of_task", lambda *given: times.append("") or read(*given))
    check(url, "sgd", "adam", "storm")
    assert len(times) == 1
