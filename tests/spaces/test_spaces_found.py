"""Spaces are listed without being run, and without what takes seconds to import."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vrtune import spaces
from vrtune.errors import UsageError
from vrtune.spaces.found import find


def test_names_need_neither_optuna_nor_pytorch() -> None:
    code = (
        "import sys\nfrom vrtune.spaces import first_line, names\n"
        "assert first_line(names()['sgd']).startswith('SGD')\n"
        "assert not {'torch', 'optuna', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        (b"'''One.\n\nTwo.'''", "One."),
        (b"\xef\xbb\xbf'''One.'''", "One."),
        ("# coding: latin-1\n'''É.'''".encode("latin-1"), "É."),
        (rb"'''A \d.'''", r"A \d."),
        (b"", ""),
        ("'''One.'''".encode("utf-16"), "can't be read: "),
        (b"(", "can't be read: SyntaxError: '(' was never closed"),
        (b"x = " + b"-" * 100_000 + b"1", "can't be read: "),
    ],
)
def test_the_first_line(source: bytes, wanted: str, tmp_path: Path) -> None:
    path = tmp_path / "space.py"
    path.write_bytes(source)
    said = spaces.first_line(path)
    assert said.startswith(wanted)
    assert bool(said) == bool(wanted)
    assert "\n" not in said


def test_a_pipe_among_them_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "space.py")
    assert "no ordinary file" in spaces.first_line(tmp_path / "space.py")


def test_a_home_that_is_not_there_is_a_folder_like_any_other() -> None:
    with pytest.raises(UsageError, match=r"there is no file ~nobody-of-that-name/x\.py"):
        find("~nobody-of-that-name/x.py")
