"""Made-up studies, and the report on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.made_studies import EVIL, NAMES, make

from vrtune.reporting.report import Report, report
from vrtune.storages.opening import open_storage


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The storage of three studies, to be read only."""
    url = f"sqlite:///{tmp_path_factory.mktemp('made')}/studies.db"
    storage = open_storage(url)
    for name, space in zip(NAMES, ("sgd", EVIL, "storm"), strict=True):
        make(storage, name, space)
    return url


@pytest.fixture(scope="session")
def found(made: str) -> Report:
    return report(storage=made)


@pytest.fixture(scope="session")
def page(found: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report's file."""
    return found.save(tmp_path_factory.mktemp("page") / "report.html")
