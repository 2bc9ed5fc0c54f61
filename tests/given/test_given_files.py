"""Files go where they are wanted, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrtune.errors import VrtuneError
from vrtune.given.files import check_folder, check_writable, make_folder, write


def test_what_can_not_be_written_is_said_before(tmp_path: Path) -> None:
    check_writable(tmp_path / "new.txt")
    with pytest.raises(VrtuneError, match="it is a folder"):
        check_writable(tmp_path)
    with pytest.raises(VrtuneError, match="No such file or directory"):
        check_writable(tmp_path / "none" / "new.txt")
    check_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "a"):
        with pytest.raises(VrtuneError, match="give another folder with -o"):
            check_folder(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_is_made_once(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")
    (tmp_path / "file").write_text("")
    with pytest.raises(VrtuneError, match="file can't be written"):
        make_folder(tmp_path / "file")


def test_text_and_bytes_are_written(tmp_path: Path) -> None:
    write(tmp_path / "a", "é")
    write(tmp_path / "b", b"\xff")
    assert (tmp_path / "a").read_bytes() == "é".encode()
    assert (tmp_path / "b").read_bytes() == b"\xff"
    with pytest.raises(VrtuneError, match="give another file with -o"):
        write(tmp_path, "x")
    assert len(list(tmp_path.iterdir())) == 2
