"""One thread and a seed for every test: the same numbers, and sums in the same order, each time.

And a storage, or a finished search, for those that ask for one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from reference.exported import TASK

from vrtune import search
from vrtune.searching.result import SearchResult

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


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
