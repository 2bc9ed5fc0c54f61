"""Optuna's own tests of a storage, over every kind that vrtune opens, and over the frozen one."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import BaseStorage, InMemoryStorage, get_storage
from optuna.study import StudyDirection
from optuna.testing.pytest_storages import StorageTestCase
from optuna.trial import FrozenTrial, TrialState
from storages.test_storages_postgresql import Server, server  # noqa: F401

from vrtune.storages.opening import open_storage
from vrtune.studies.frozen import FrozenStorage

# what a test of pickling unpickles is closed by nobody
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with Optuna's tables: to make them takes longer than most tests."""
    path = tmp_path_factory.mktemp("made") / "studies.db"
    open_storage(path)
    return path


@pytest.fixture
def file(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "studies.db"))


class TestSqlite(StorageTestCase):
    """With Optuna's cache, as a study has it."""

    @pytest.fixture
    def storage(self, file: Path) -> BaseStorage:
        return get_storage(open_storage(file))


@pytest.mark.slow
class TestSqliteItself(StorageTestCase):
    """Without the cache."""

    @pytest.fixture
    def storage(self, file: Path) -> BaseStorage:
        return open_storage(file)


@pytest.mark.slow
class TestJournal(StorageTestCase):
    """A file with a line a change."""

    @pytest.fixture
    def storage(self, tmp_path: Path) -> BaseStorage:
        return open_storage(tmp_path / "studies.journal")


class Thawed(FrozenStorage, BaseStorage):
    """A frozen storage that is refreshed whenever all trials are read: all else must be as it is
    in the storage behind it."""

    def __init__(self) -> None:
        super().__init__(InMemoryStorage(), lambda number, write: write())

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        self.refresh(study_id)
        trials = FrozenStorage.get_all_trials(self, study_id, states=states)
        return copy.deepcopy(trials) if deepcopy else trials

    def get_study_id_from_name(self, study_name: str) -> int:
        self._study_ids.clear()
        return FrozenStorage.get_study_id_from_name(self, study_name)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        self._storage.get_trial(trial_id)
        for study in self._storage.get_all_studies():
            self.refresh(study._study_id)
            if trial_id in self._numbers:
                return FrozenStorage.set_trial_system_attr(self, trial_id, key, value)


def _behind(name: str) -> Any:
    return lambda self, *args, **named: getattr(self._storage, name)(*args, **named)


for _name in BaseStorage.__abstractmethods__ - set(vars(FrozenStorage)):
    setattr(Thawed, _name, _behind(_name))
Thawed.__abstractmethods__ = frozenset()  # type: ignore[attr-defined]


@pytest.mark.slow
class TestFrozen(StorageTestCase):
    """Where it applies: nobody pickles one."""

    test_pickle_storage = None  # type: ignore[assignment]

    @pytest.fixture
    def storage(self) -> BaseStorage:
        return Thawed()


TABLES = """
SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public'
AND tablename NOT IN ('alembic_version', 'version_info')
"""


@pytest.fixture
def emptied(server: Server) -> str:  # noqa: F811
    """A database with Optuna's tables and nothing in them."""
    url = server.url("postgres")
    open_storage(url)
    ((tables,),) = server.ask("postgres", TABLES)
    server.ask("postgres", f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    return url


@pytest.mark.slow
class TestPostgreSQL(StorageTestCase):
    """With the cache."""

    @pytest.fixture
    def storage(self, emptied: str) -> BaseStorage:
        return get_storage(open_storage(emptied))


@pytest.mark.slow
class TestProxied(StorageTestCase):
    """PostgreSQL behind a proxy."""

    @pytest.fixture
    def storage(self, emptied: str) -> Iterator[BaseStorage]:
        pytest.importorskip("grpc")
        from vrtune.storages.proxy import proxy

        with proxy(emptied, "127.0.0.1", 0) as port:
            yield open_storage(f"grpc://127.0.0.1:{port}")

    @pytest.mark.parametrize("param_names", [["a", "b"], ["b", "a"]])
    def test_get_all_trials_params_order(
        self, storage: BaseStorage, param_names: list[str]
    ) -> None:
        """Of Optuna's messages the maps have no order: what was set is there, in any."""
        study_id = storage.create_new_study(directions=[StudyDirection.MINIMIZE])
        trial_id = storage.create_new_trial(study_id)
        for name in param_names:
            storage.set_trial_param(trial_id, name, 1.0, FloatDistribution(0.0, 2.0))
        (trial,) = storage.get_all_trials(study_id)
        assert trial.params == dict.fromkeys(param_names, 1.0)


def test_all_of_the_suite_is_run() -> None:
    """Or Optuna has renamed it."""
    tests = [name for name in vars(StorageTestCase) if name.startswith("test_")]
    assert len(tests) > 40
    assert optuna.__version__.startswith("5.")
