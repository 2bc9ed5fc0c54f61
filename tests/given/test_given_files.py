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
    with pytest.raises(VrtuneError, match="null byte"):
        write(tmp_path / "a\0", "x")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("begin", [b"SQLite format 3\0\x10\0", b'{"op_code":0,"worker_id":"a"}\n'])
def test_no_database_is_written_over(begin: bytes, tmp_path: Path) -> None:
    path = tmp_path / "studies.db"
    path.write_bytes(begin)
    for attempt in (lambda: check_writable(path), lambda: write(path, "text")):
        with pytest.raises(VrtuneError, match="it is a database, which would be lost"):
            attempt()
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [begin]
    link = tmp_path / "link.md"
    link.symlink_to(path)
    with pytest.raises(VrtuneError, match="it is a database"):
        write(link, "text")
