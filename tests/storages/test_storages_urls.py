"""What a user gives for a storage: understood in one place, or refused with what to give."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage, open_to_read, sqlite_path
from vrtune.storages.urls import DEFAULT_URL, storage_options, understand


@pytest.mark.parametrize(
    ("given", "kind", "path"),
    [
        ("sqlite:///studies.db", "sqlite", "studies.db"),
        ("sqlite:////tmp/studies.db", "sqlite", "/tmp/studies.db"),
        ("sqlite+pysqlite:///studies.db", "sqlite", "studies.db"),
        ("sqlite:///studies.db?timeout=5", "sqlite", "studies.db"),
        ("sqlite:///my%20studies.db", "sqlite", "my studies.db"),
        ("sqlite:///file:studies.db?mode=ro&uri=true", "sqlite", "studies.db"),
        ("sqlite:///file:///tmp/studies.db?uri=true", "sqlite", "/tmp/studies.db"),
        ("sqlite:///~/studies.db", "sqlite", "HOME/studies.db"),
        ("studies.db", "sqlite", "studies.db"),
        ("results/a.sqlite3", "sqlite", "results/a.sqlite3"),
        ("~/studies.db", "sqlite", "HOME/studies.db"),
        ("trials.journal", "journal", "trials.journal"),
        ("~/trials.log", "journal", "HOME/trials.log"),
        (Path("trials.journal"), "journal", "trials.journal"),
        (Path("studies"), "sqlite", "studies"),
        (Path("~/studies.db"), "sqlite", "HOME/studies.db"),
        (Path("100%41.db"), "sqlite", "100%41.db"),
    ],
)
def test_a_file(
    given: str | Path, kind: str, path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    place = understand(given)
    assert (place.kind, place.path) == (kind, Path(path.replace("HOME", str(tmp_path))))
    assert sqlite_path(given) == (place.path if kind == "sqlite" else None)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql+asyncpg://h/d", "postgresql+asyncpg://h/d"),
        ("mysql+pymysql://h/d", "mysql+pymysql://h/d"),
    ],
)
def test_a_server(given: str, url: str) -> None:
    assert (understand(given).kind, understand(given).url) == ("server", url)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("sqlite://", "names no file: give a storage like sqlite:///studies.db"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite:///file::memory:?uri=true", "names no file"),
        ("sqlite:///file:x.db?mode=memory&uri=true", "names no file"),
        ("sqlite://studies.db", "write sqlite:///studies.db"),
        ("sqlite:studies.db", "write sqlite:///studies.db"),
        ("sqlite:/tmp/studies.db", "write sqlite:////tmp/studies.db"),
        ("sqlite+aiosqlite:///studies.db", "needs a driver that vrtune can't use"),
        ("sqlite:///x.db?timeout=long", "a timeout that is no number"),
        ("studies", "write sqlite:///studies, or give one like"),
        ("", "is no storage URL"),
        ("my://x/y", "give one like sqlite:///studies.db"),
        ("postgresql:host/db", "is no storage URL"),
        ("postgresql://h:many/db", "a port that is no number"),
        ("sqlite:///a\0b.db", "NUL"),
        ("sqlite:///\ud800.db", "UTF-8"),
        ("sqlite:///" + 5000 * "x", "shorter path"),
        ("postgresql://me:a@b@h/db", "write @ in a password as %40"),
        ("postgresql://me:a/b@c@h/db", "write @ in a password as %40"),
        ("postgresql://me:a@b?c@h/db", "write @ in a password as %40"),
        ("postgresql://m/e:a@h/db", "write @ in a password as %40"),
        (3, "give a URL or a path"),
    ],
)
def test_what_is_no_storage(given: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        open_storage(given)
    assert says in str(told.value)
    assert len(str(told.value)) < 400


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:6379/0", "rediss://:pw@h:1/0", "redis+socket:///x", "unix:///x.sock"]
)
def test_redis_is_refused_for_what_it_does(url: str) -> None:
    """Neither a server nor the package is asked."""
    for call in (open_storage, open_to_read):
        with pytest.raises(UsageError, match="unpickles what a Redis server holds"):
            call(url)


def test_a_driver_that_is_missing() -> None:
    with pytest.raises(VrtuneError, match=r"not installed .*pip install 'mysqlclient'"):
        open_storage("mysql://me:horse@h/db")
    with pytest.raises(VrtuneError, match=r"not installed .*pip install 'pymysql'"):
        open_storage("mysql+pymysql://me:horse@h/db")


def test_files_with_odd_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are what was meant, whatever SQLite's own addresses would make of them."""
    monkeypatch.chdir(tmp_path)
    for given in (
        "a#b.db",
        Path("50%.db"),
        Path("c{0}.db"),
        "sqlite:///d%3Fe.db",
        "sqlite:///é .db",
    ):
        study = optuna.create_study(storage=open_storage(given))
        assert [s.study_name for s in open_to_read(given).get_all_studies()] == [study.study_name]
    assert {p.name for p in tmp_path.glob("*.db")} == {
        "a#b.db",
        "50%.db",
        "c{0}.db",
        "d?e.db",
        "é .db",
    }


def test_a_timeout_is_kept(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/x.db?timeout=5")
    with storage.engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000


def test_commands_name_a_storage_that_is_not_the_usual_one() -> None:
    assert storage_options(DEFAULT_URL) == ()
    given = "postgresql://me:secret@host/name"
    assert storage_options(given) == ("--storage", "postgresql://me:***@host/name")
