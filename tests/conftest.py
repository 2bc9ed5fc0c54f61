"""One thread and a seed for every test: the same numbers, and sums in the same order, each time.

And a storage for those that ask for one.
"""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A storage that is made when it is first opened."""
    return f"sqlite:///{tmp_path}/studies.db"
