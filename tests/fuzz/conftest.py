"""A finished search to ask about."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest

from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage


@pytest.fixture(scope="module")
def studies(found: tuple[SearchResult, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a finished search, and of studies of others with odd names."""
    folder = tmp_path_factory.mktemp("odd")
    shutil.copytree(Path(found[1].removeprefix("sqlite:///")).parent, folder, dirs_exist_ok=True)
    url = f"sqlite:///{folder}/studies.db"
    storage = open_storage(url)
    for name in ("-x", "two\nlines", "\x1b[31mred", "学习"):
        optuna.create_study(study_name=name, storage=storage)
    return url
