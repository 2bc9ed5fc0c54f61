"""Users' own files beside a program."""

from __future__ import annotations

from pathlib import Path

import pytest
from reference.exported import CONFIGS, exported
from reference.small_search import TASK

from vrtune.errors import UsageError
from vrtune.exporting.header import header
from vrtune.exporting.owned import imported


def test_an_import_by_a_dot_is_told_at_the_export(tmp_path: Path) -> None:
    """A program beside the file would die of it; inside a package it is as it should be."""
    net, layers = tmp_path / "net.py", tmp_path / "layers.py"
    layers.write_text("from blocks.wide import width\n")
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "__init__.py").write_text("")
    (tmp_path / "blocks" / "wide.py").write_text("from .narrow import width\n")
    (tmp_path / "blocks" / "narrow.py").write_text("width = 3\n")
    net.write_text("from layers import width\n\ndef make():\n    return width\n")
    assert imported(f"{net}:make").name == "make"
    net.write_text("from .layers import width\n\ndef make():\n    return width\n")
    with pytest.raises(UsageError, match=r"net\.py says 'from \.layers import'"):
        imported(f"{net}:make")


def test_a_program_that_needs_more_than_vrtune_says_so() -> None:
    line = "# Reads the table by pandas: pip install pandas\n"
    table = TASK.model_copy(update={"dataset": "a.csv", "target": "y"})
    assert line in header(exported(CONFIGS[0], table)) + "\n"
    assert "pandas" not in header(exported(CONFIGS[0], TASK))
