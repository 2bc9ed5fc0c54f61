"""The processes of a search start early; those that are not needed end at once."""

from __future__ import annotations

import psutil
import pytest

from vrtune import Task, search
from vrtune.crew import Crew
from vrtune.errors import UsageError, VrtuneError


def test_an_error_before_work_leaves_no_process(url: str) -> None:
    with pytest.raises(UsageError, match="batch size"):
        search("sgd", Task(limit=20, folds=2, batch_size=64), jobs=2, storage=url)
    assert not psutil.Process().children()


def test_a_process_that_can_not_start_is_an_error() -> None:
    with Crew(2) as crew:
        crew.processes[1].kill()
        with pytest.raises(VrtuneError, match="search process 1 ended with status -9"):
            crew.settle()
    assert not psutil.Process().children()
