"""Who only reads changes nothing, and reads where nothing can be changed; what is not Optuna's
stays as it is."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage, RDBStorage

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages import files
from vrtune.storages.opening import check_storage, open_storage, open_to_read

Open = Callable[[str], BaseStorage | None]
ALL: list[Open] = [
    open_storage, open_to_read, check_storage, lambda url: open_storage(url, create=False)
]  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def names(storage: BaseStorage) -> list[str]:
    return [study.study_name for study in storage.get_all_studies()]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder with a database and a journal, which hold a study each."""
    folder = tmp_path / "kept"
    folder.mkdir()
    for name in ("a.db", "a.journal"):
        optuna.create_study(study_name="s", storage=open_storage(str(folder / name)))
    return folder


@pytest.fixture
def crashed(kept: Path) -> Path:
    """The same, with a second study that is only in SQLite's log: its writer was killed."""
    program = (
        "import optuna, os, sys; from vrtune.storages.opening import open_storage; "
        "study = optuna.create_study(study_name='t', storage=open_storage(sys.argv[1])); "
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", program, kept / "a.db"], check=True)
    assert (kept / "a.db-wal").stat().st_size
    return kept


@pytest.fixture(params=["mount", "mode"])
def read_only(request: pytest.FixtureRequest) -> Iterator[Callable[[Path], None]]:
    """Makes a folder one that nothing can be written to."""
    undo: list[Callable[[], object]] = []

    def make(folder: Path) -> None:
        if request.param == "mount":
            at = str(folder)
            mount = [["--bind", at, at], ["-o", "remount,ro,bind", at]]
            for args in mount:
                if subprocess.run(["mount", *args], capture_output=True).returncode:
                    pytest.skip("only root may mount")
                undo.append(lambda: subprocess.run(["umount", "-l", folder], capture_output=True))
        elif os.geteuid() == 0:
            pytest.skip("root may write everywhere")
        else:
            for path in (*folder.iterdir(), folder):
                mode = path.stat().st_mode
                undo.append(partial(path.chmod, mode))
                path.chmod(mode & ~0o222)

    yield make
    for call in reversed(undo):
        call()


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_reading_leaves_no_trace(kept: Path, name: str) -> None:
    before, when = contents(kept), (kept / name).stat().st_mtime_ns
    assert names(open_to_read(str(kept / name))) == ["s"]
    assert contents(kept) == before
    assert (kept / name).stat().st_mtime_ns == when


def test_reading_leaves_the_log_of_a_dead_writer(crashed: Path) -> None:
    before = contents(crashed)
    assert names(open_to_read(str(crashed / "a.db"))) == ["s", "t"]
    after = contents(crashed)
    assert {n: b for n, b in after.items() if "shm" not in n} == {
        n: b for n, b in before.items() if "shm" not in n
    }


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_where_nothing_can_be_written(
    kept: Path, name: str, read_only: Callable[[Path], None]
) -> None:
    before, url = contents(kept), str(kept / name)
    read_only(kept)
    assert names(open_to_read(url)) == ["s"]
    for call in (open_storage, check_storage):
        with pytest.raises(VrtuneError, match="may be read only: ask for the right"):
            call(url)
    with pytest.raises(VrtuneError, match="may be read only: ask for the right"):
        check_storage(str(kept / f"new-{name}"))
    assert contents(kept) == before


@pytest.mark.parametrize("left", [("-wal", "-shm"), ("-wal",)])
def test_a_log_where_nothing_can_be_written(
    crashed: Path, left: tuple[str, ...], read_only: Callable[[Path], None]
) -> None:
    """It belongs to the database, even where SQLite can't make what it needs to read it."""
    if "-shm" not in left:
        (crashed / "a.db-shm").unlink()
    read_only(crashed)
    storage = open_to_read(str(crashed / "a.db"))
    assert names(storage) == ["s", "t"]


def test_a_link_to_a_file_where_nothing_can_be_written(
    crashed: Path, tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    """Its log lies beside the file."""
    (tmp_path / "link.db").symlink_to(crashed / "a.db")
    read_only(crashed)
    assert names(open_to_read(str(tmp_path / "link.db"))) == ["s", "t"]
    with pytest.raises(VrtuneError, match="may be read only: ask for the right"):
        open_storage(str(tmp_path / "link.db"))


def test_a_half_done_transaction_where_nothing_can_be_written(
    tmp_path: Path, read_only: Callable[[Path], None]
) -> None:
    """A database without WAL, as Optuna itself makes it: what was not committed is taken back."""
    path = tmp_path / "b.db"
    optuna.create_study(study_name="s", storage=RDBStorage(f"sqlite:///{path}"))
    program = """
import os, sqlite3, sys
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute("PRAGMA cache_size = 1")
c.execute("BEGIN")
c.execute("DELETE FROM studies")
for i in range(200):
    c.execute("CREATE TABLE t%d (a)" % i)
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", program, path], check=True)
    assert (tmp_path / "b.db-journal").stat().st_size
    read_only(tmp_path)
    assert names(open_to_read(str(path))) == ["s"]


def test_readers_and_writers_at_once(kept: Path) -> None:
    url = str(kept / "a.db")
    storage = open_storage(url)
    reader = open_to_read(url)
    optuna.create_study(study_name="t", storage=storage)
    assert names(reader) == ["s", "t"]
    with pytest.raises(VrtuneError, match="may be read only"):
        reader.create_new_study([optuna.study.StudyDirection.MINIMIZE], "u")


def foreign(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE bookmarks (a)")


def alike(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE studies (id, title)")
        connection.execute("CREATE TABLE alembic_version (version_num)")


FOREIGN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "another program's": ("app.db", foreign, "another program's database"),
    "tables of these names": ("app.db", alike, "another program's database"),
    "text": ("app.db", lambda p: p.write_text("no database\n" * 99), "no SQLite database"),
    "short": ("app.db", lambda p: p.write_text("x"), "no SQLite database"),
    "a folder": ("app.db", lambda p: p.mkdir(), "is a folder"),
    "a pipe": ("app.db", os.mkfifo, "a pipe or a device"),
    "a log": ("app.log", lambda p: p.write_text("12:00 started\n"), "another program's file"),
    "a log of JSON": (
        "app.log",
        lambda p: p.write_text('{"level": "info"}\n'),
        "another program's",
    ),
    "binary": ("app.journal", lambda p: p.write_bytes(bytes(range(256)) * 9), "another program's"),
    "a pipe for a journal": ("app.log", os.mkfifo, "a pipe or a device"),
    "a folder for a journal": ("app.log", lambda p: p.mkdir(), "is a folder"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_not_optunas_stays_as_it_is(case: str, tmp_path: Path) -> None:
    name, make, says = FOREIGN[case]
    make(tmp_path / name)
    before = contents(tmp_path)
    for call in ALL:
        with pytest.raises(VrtuneError, match=says):
            call(str(tmp_path / name))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["empty.db", "empty.journal"])
def test_an_empty_file_can_be_searched_into(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.touch()
    check_storage(str(path))
    if name.endswith("db"):
        for call in ALL[1::2]:
            with pytest.raises(UsageError, match="holds no studies yet: search first"):
                call(str(path))
    assert path.read_bytes() == b""
    optuna.create_study(study_name="s", storage=open_storage(str(path)))
    assert names(open_to_read(str(path))) == ["s"]


def test_nothing_is_made_by_a_look(tmp_path: Path) -> None:
    for name in ("a.db", "a.journal"):
        check_storage(str(tmp_path / name))
        with pytest.raises(UsageError, match="search first"):
            open_to_read(str(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_tables_of_another_version(kept: Path) -> None:
    with closing(sqlite3.connect(kept / "a.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v9.9.9'")
    for call in ALL[:2]:
        with pytest.raises(
            VrtuneError, match=r"another version \(optuna [\d.]+\): copy it and run"
        ):
            call(str(kept / "a.db"))


def test_a_damaged_database(kept: Path) -> None:
    shutil.copy(kept / "a.db", kept / "b.db")
    with (kept / "b.db").open("r+b") as file:
        file.seek(100)
        file.write(b"\xff" * 5000)
    for call in ALL:
        with pytest.raises(VrtuneError, match=r"is damaged .*copy it, and save what it holds"):
            call(str(kept / "b.db"))


def test_a_full_disk_is_no_reason_to_remove_anything(kept: Path) -> None:
    """SQLite's own limit stands for the disk's."""
    storage = open_storage(str(kept / "a.db"))
    assert isinstance(storage, RDBStorage)
    study = optuna.load_study(study_name="s", storage=storage)
    with storage.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(VrtuneError, match="no room left on its disk: make some") as told:
        study.set_user_attr("a", "x" * 100_000)
    assert "remove" not in str(told.value)
    assert told.value.__suppress_context__


def test_a_lock_that_another_program_holds(kept: Path) -> None:
    url = f"sqlite:///{kept}/a.db?timeout=0.1"
    study = optuna.load_study(study_name="s", storage=open_storage(url))
    with closing(sqlite3.connect(kept / "a.db", isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(VrtuneError, match="is locked by another program"):
            study.set_user_attr("a", 1)


def test_who_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root's rights, which tests may have."""
    path = tmp_path / "a.db"
    path.touch()
    modes = {path: 0o600, tmp_path: 0o700}
    monkeypatch.setattr(
        files.os, "access",
        lambda p, wanted: bool(modes[p] & stat.S_IWUSR) if wanted & os.W_OK else True,
    )  # fmt: skip
    assert files.may_write(path)
    for guarded in modes:
        monkeypatch.setitem(modes, guarded, 0o400)
        assert not files.may_write(path)
        monkeypatch.setitem(modes, guarded, 0o700)
