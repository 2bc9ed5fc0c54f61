"""One thread and a seed for every test: the same numbers, and sums in the same order, each time.

And a storage, or a finished search, for those that ask for one.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from reference.exported import TASK

from vrtune import search
from vrtune.searching.result import SearchResult

torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest goes first: two processes share the tests."""
    items.sort(key=lambda item: item.path.name != "test_documents.py")


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _no_storage_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of late, in another test of this process."""
    monkeypatch.setattr("vrtune.storages.patience._back", float("-inf"))


@pytest.fixture
def hears_signals() -> Iterator[None]:
    """Also under nohup, and in the background of a script, where some are ignored."""
    usual = {signal.SIGHUP: signal.SIG_DFL, signal.SIGINT: signal.default_int_handler}
    before = {number: signal.signal(number, handler) for number, handler in usual.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A storage that is made when it is first opened."""
    return f"sqlite:///{tmp_path}/studies.db"


@pytest.fixture(scope="session")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[SearchResult, str]:
    """A finished search and its storage, to be read only."""
    folder = tmp_path_factory.mktemp("found")
    url = f"sqlite:///{folder}/studies.db"
    return search("sgd", TASK, trials=2, jobs=1, storage=url, retrain_seeds=2), url
