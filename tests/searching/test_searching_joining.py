"""Joining a study: what it is about is read from it, and its space run only if it fits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from reference.small_search import SPACE, TASK

from vrtune import Task
from vrtune.errors import UsageError
from vrtune.searching import joining
from vrtune.searching.joining import join
from vrtune.searching.plan import plan
from vrtune.searching.prepare import Request, prepare, understand
from vrtune.searching.settings import SearchSettings
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with study s, which a search has opened: it trained nothing yet."""
    file = tmp_path_factory.mktemp("made") / "studies.db"
    opened(f"sqlite:///{file}")
    return file


@pytest.fixture
def url(made: Path, tmp_path: Path) -> str:
    """A copy of it."""
    shutil.copy(made, tmp_path)
    return f"sqlite:///{tmp_path}/studies.db"


def opened(url: str, space: str = SPACE) -> None:
    given: dict[str, Any] = {"sampler": "random", "pruner": "median", "confirm": 2, "trials": 7}
    settings = SearchSettings(storage=url, study="s", jobs=1, retrain=0, **given)
    plan(prepare(understand(space, TASK, settings)))


def joined(url: str, task: Task | None = None, **given: Any) -> Request:
    return join("s", task or Task(), SearchSettings(storage=url, study="s", **given))


def test_task_and_space_and_how_it_is_searched_are_the_studys(url: str) -> None:
    request = joined(url, jobs=2)
    assert request.task == TASK
    assert str(request.space.path) == SPACE
    settings = request.settings
    assert (settings.sampler, settings.pruner, settings.confirm) == ("random", "median", 2)
    assert (settings.jobs, settings.trials, request.left) == (2, None, 7)
    assert request.joined is not None
    assert request.joined.study_name == "s"


def test_what_is_given_and_is_the_studys_is_no_contradiction(url: str) -> None:
    same = joined(url, Task(epochs=TASK.epochs, model=TASK.model), sampler="random", confirm=0)
    assert (same.task, same.settings.confirm) == (TASK, 0)


@pytest.mark.parametrize(
    ("task", "given", "says"),
    [
        ({"epochs": 9}, {}, "epochs is 3 in study 's', and 9 was given: leave it out"),
        ({"seed": 2}, {}, "seed is 1 in study 's', and 2 was given: leave it out"),
        ({}, {"sampler": "tpe"}, "sampler is random in study 's', and tpe was given: leave it out"),
        ({}, {"pruner": "folds"}, "pruner is median in study 's', and folds was given: leave it"),
    ],
)
def test_what_contradicts_the_study_is_refused(
    url: str, task: dict[str, Any], given: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        joined(url, Task(**task), **given)


def test_other_data_are_refused_once_they_are_read(url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"holds another task .*model was softmax, now lenet"):
        plan(prepare(joined(url, Task(model="lenet"), jobs=1, retrain=0)))


def test_a_study_without_a_goal_is_not_joined(url: str) -> None:
    study = load_study(open_storage(url), "s", url)
    study._storage.set_study_system_attr(study._study_id, "vrtune:goal", None)
    with pytest.raises(UsageError, match="no search has set study 's' a goal yet: begin one with"):
        joined(url)


def test_a_study_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no .*: search first"):
        joined(f"sqlite:///{tmp_path}/none.db")
    assert not list(tmp_path.iterdir())


# ---- the space ---------------------------------------------------------------------------------

RUN = "\n__import__('pathlib').Path(__file__).with_suffix('.ran').touch()\n"


@pytest.fixture
def moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path, Path]:
    """A storage, where its space lay, and a folder with the same file, in which this runs."""
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    shutil.copy(SPACE, there / "own.py")
    url = f"sqlite:///{tmp_path}/studies.db"
    opened(url, str(there / "own.py"))
    monkeypatch.chdir(here)
    shutil.copy(SPACE, here / "own.py")
    return url, there / "own.py", here / "own.py"


@pytest.mark.slow
def test_a_space_is_found_where_it_was_or_in_this_folder(moved: tuple[str, Path, Path]) -> None:
    url, there, here = moved
    assert joined(url).space.path == there
    there.unlink()
    assert joined(url).space.path == here
    here.unlink()
    with pytest.raises(UsageError, match=r"space of study 's' is not where it was, and .* 'own'"):
        joined(url)


def test_a_space_of_another_text_is_not_run_unless_it_is_accepted(
    moved: tuple[str, Path, Path],
) -> None:
    url, there, here = moved
    for path in (there, here):
        path.write_text(f"{path.read_text()}{RUN}")
    with pytest.raises(UsageError, match=r"another text of its search space than .*own.py holds"):
        joined(url)
    assert not there.with_suffix(".ran").exists()
    assert joined(url, edited_space="accept").space.path == there
    assert there.with_suffix(".ran").exists()


@pytest.mark.slow
def test_a_changed_space_is_passed_over_for_one_that_fits(moved: tuple[str, Path, Path]) -> None:
    url, there, here = moved
    there.write_text(f"{there.read_text()}{RUN}")
    assert joined(url).space.path == here


def test_another_users_file_is_not_run(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(study: object, path: Path, what: str) -> None:
        raise UsageError(f"{path} is another's {what}")

    monkeypatch.setattr(joining, "check_own", refuse)
    with pytest.raises(UsageError, match=r"grid_space.py is another's search space"):
        joined(url)
