"""What is refused before a search, so that it is not told after hours."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError

QUICK = {"trials": 1, "jobs": 1}
TASK = Task(model="softmax", folds=2, epochs=1, limit=100)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("space", "task", "said"),
    [
        (3, TASK, r"space: give a name or the path of a \.py file \(got 3\)"),
        (None, TASK, r"space: give a name or the path of a \.py file, or the study that"),
        ("caf\udce9.py", TASK, "space: give it in UTF-8"),
        ("a\0b.py", TASK, "space: give it without the character NUL"),
        ("n" * 300 + ".py", TASK, "space: give a shorter path"),
        ("sgd", "x", r"task: give a Task \(got 'x'\)"),
        ("sgd", {"epochs": 3}, "task: give a Task"),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_is_no_space_and_no_task(space: Any, task: Any, said: str, here: Path) -> None:
    with pytest.raises(UsageError, match=said):
        search(space, task, **QUICK)
    assert not list(here.iterdir())


def test_a_folder_that_is_no_utf8_is_refused(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study could not remember where its data and its space are."""
    folder = os.fsencode(here) + b"/caf\xe9"
    try:
        os.mkdir(folder)
    except OSError:
        pytest.skip("this file system has none")
    monkeypatch.chdir(os.fsdecode(folder))
    with pytest.raises(UsageError, match="data_dir: give it in UTF-8"):
        search("sgd", TASK, **QUICK)
    np.savez("m.npz", x=np.zeros(3))
    task = TASK.model_copy(update={"dataset": "m.npz"})
    with pytest.raises(UsageError, match="dataset: give it in UTF-8"):
        search("sgd", task, data_dir=here, **QUICK)
    assert os.listdir(b".") == [b"m.npz"]


def test_weights_that_could_not_be_written_are_told_before_the_search(here: Path) -> None:
    (here / "studies").write_text("a file")
    with pytest.raises(VrtuneError, match=r"studies/sgd-digits-softmax .* with --retrain 0"):
        search("sgd", TASK, **QUICK)
    assert [path.name for path in here.iterdir()] == ["studies"]
    assert search("sgd", TASK, **QUICK, retrain=0).best


def test_a_data_set_with_an_odd_name_names_a_study(here: Path) -> None:
    x, y = np.random.default_rng(0).random((40, 4)), np.arange(40) % 2
    np.savez(here / "a\nb.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    task = Task(dataset=here / "a\nb.npz", model="softmax", folds=2, epochs=1, batch_size=8)
    found = search("sgd", task, **QUICK)
    assert found.study.isprintable()
    assert Path(str(found.retrain.folder)).is_dir()


SPACE = """
from vrtune import SGD, TrialConfig
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", {low}, 1.0, log=True)))
"""


def test_an_edited_space_is_refused_or_accepted(here: Path) -> None:
    own = here / "own.py"
    own.write_text(SPACE.format(low=0.1))
    search(own, TASK, **QUICK, retrain=0)
    own.write_text('"""Said otherwise."""' + SPACE.format(low=0.1) + "# the same\n")
    search(own, TASK, **QUICK, retrain=0)
    own.write_text(SPACE.format(low=0.01))
    with pytest.raises(UsageError, match=r"own\.py holds now: .* --edited-space accept"):
        search(own, TASK, **QUICK, retrain=0)
    found = search(own, TASK, **QUICK, retrain=0, edited_space="accept")
    assert found.trials.complete == 3
    search(own, TASK, **QUICK, retrain=0)
