"""Users' own files: what they import from beside them, and units of the same kind in several."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from reference.small_search import TASK

from vrtune import retrain, search, spaces
from vrtune.errors import UsageError
from vrtune.trial_config import ROLES

UNIT = """
from typing import Literal
from vrtune.estimators import Estimator, EstimatorSettings


class Mine(EstimatorSettings):
    kind: Literal["mine"] = "mine"


class MineEstimator(Estimator):
    settings = Mine

    def estimate(self, weights, hp, clock, gradient):
        (g,) = gradient(weights)
        return {factor} * g, None
"""
SPACE = """
from vrtune import SGD, TrialConfig
{top}

def suggest(trial):
    {inside}
    return TrialConfig(estimator=Mine(), optimizer=SGD(lr=trial.suggest_float("lr", 0.1, 0.2)))
"""
IMPORT = "from units import Mine"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Units, modules and the path: nothing is left behind for other tests, nor by vrtune."""
    before = [dict(role.enrolled) for role in ROLES]
    path = list(sys.path)
    yield
    assert sys.path == path
    assert "units" not in sys.modules
    for role, enrolled in zip(ROLES, before, strict=True):
        role.enrolled.clear()
        role.enrolled.update(enrolled)


def write(folder: Path, name: str, factor: float, top: str = IMPORT, inside: str = "pass") -> str:
    """A folder with a space and its units; returns the space's path."""
    folder.mkdir(exist_ok=True)
    (folder / "units.py").write_text(UNIT.format(factor=factor))
    (folder / f"{name}.py").write_text(SPACE.format(top=top, inside=inside))
    return str(folder / f"{name}.py")


def run(space: str, url: str, study: str) -> float:
    """The best value of a search."""
    found = search(
        space, TASK, trials=2, jobs=1, lanes=2, fuse="off", sampler="random", pruner="none",
        study=study, storage=url, retrain=0,
    )  # fmt: skip
    assert found.best is not None
    return found.best.value


def test_each_folder_has_its_own_helper_and_each_study_its_own_units(
    tmp_path: Path, url: str
) -> None:
    """Searched in turns in one process, trained again afterwards."""
    one, other = write(tmp_path / "a", "one", 1.0), write(tmp_path / "b", "other", 0.001)
    first = run(one, url, "one")
    second = run(other, url, "other")
    assert second > first + 0.1, "or nothing could be told apart"
    assert run(one, url, "again") == pytest.approx(first)
    losses = {
        study: retrain(study, storage=url, seeds=1)[0].train_losses[0][-1]
        for study in ("one", "other", "again")
    }
    assert losses["one"] == losses["again"] != losses["other"]


def test_what_is_imported_later_is_the_same_module(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "both", 1.0, IMPORT, "from units import Mine as again")
    lazy = write(tmp_path / "b", "lazy", 1.0, "", IMPORT)
    kinds = set()
    for space in (spaces.load(path), spaces.load(lazy)):
        trials = [optuna.create_study().ask() for _ in range(3)]
        units = {type(space.suggest(trial).estimator) for trial in trials}
        assert len(units) == 1
        kinds |= units
    assert len(kinds) == 2


def test_a_helper_that_was_changed_is_read_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "one", 1.0)
    before = spaces.load_file(Path(path))
    assert spaces.load_file(Path(path)) is before
    helper = tmp_path / "a" / "units.py"
    helper.write_text(UNIT.format(factor=2.0) + "\n# changed\n")
    assert spaces.load_file(Path(path)).Mine is not before.Mine


def test_the_callers_path_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a", "one", 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "path", [str(tmp_path / "a"), *sys.path, "last"])
        before = list(sys.path)
        spaces.load(path)
        assert sys.path == before


def test_installed_modules_are_left_alone(tmp_path: Path) -> None:
    """A virtual environment may lie beside a space."""
    packages = tmp_path / "a" / ".venv" / "site-packages"
    packages.mkdir(parents=True)
    (packages / "installed_module.py").write_text("")
    sys.path.append(str(packages))
    try:
        write(tmp_path / "a", "one", 1.0, f"{IMPORT}\nimport installed_module")
        spaces.load(str(tmp_path / "a" / "one.py"))
        assert "installed_module" in sys.modules
    finally:
        sys.path.remove(str(packages))
        sys.modules.pop("installed_module", None)


def test_threads_may_load_the_same_file(tmp_path: Path) -> None:
    path = write(tmp_path / "a", "one", 1.0, f"import time\ntime.sleep(0.1)\n{IMPORT}")
    found: list[object] = []
    threads = [
        threading.Thread(target=lambda: found.append(spaces.load(path).method)) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(map(id, found))) == 1


def test_a_study_whose_files_moved_finds_them_once_it_is_continued(
    tmp_path: Path, url: str
) -> None:
    run(write(tmp_path / "a", "one", 1.0), url, "one")
    (tmp_path / "a").rename(tmp_path / "b")
    with pytest.raises(UsageError, match="can't be read"):
        retrain("one", storage=url, seeds=1)
    run(str(tmp_path / "b" / "one.py"), url, "one")
    assert retrain("one", storage=url, seeds=1)


def test_two_units_of_one_kind_in_a_file_are_refused(tmp_path: Path) -> None:
    again = UNIT.format(factor=2.0).replace("Mine", "Other")
    write(tmp_path / "a", "one", 1.0, f"{IMPORT}\n{again}")
    with pytest.raises(UsageError, match="two gradient estimators of kind 'mine'"):
        spaces.load(str(tmp_path / "a" / "one.py"))


def test_an_edit_of_the_same_second_and_size_counts_and_no_bytecode_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "one.py"
    for rate in ("0.1", "0.2", "0.3"):
        path.write_text(f"rate = {rate}\n")
        assert spaces.load_file(path).rate == float(rate)
    spaces.load(write(tmp_path / "a", "space", 1.0))
    assert not list(tmp_path.rglob("__pycache__"))
