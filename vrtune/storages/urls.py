"""Where studies are kept: the one place that reads what a user gives for a storage."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qsl, unquote

from vrtune.config import JOURNALS, storage_url
from vrtune.errors import UsageError
from vrtune.storages.secrets import public

DEFAULT_URL = "sqlite:///studies.db"
DATABASES = (".db", ".db3", ".sqlite", ".sqlite3")  # a path with one of these is no mistake
LONGEST = 200  # characters of a URL that are shown
DRIVERS = {"postgres": "postgresql+psycopg", "postgresql": "postgresql+psycopg"}


@dataclass(frozen=True, kw_only=True)
class Place:
    """A storage as it was given, and what that means; shown without its password."""

    given: str
    kind: Literal["sqlite", "journal", "server", "proxy"]
    path: Path | None = None  # of a file
    url: str = ""  # of a server, with its driver
    host: str = ""  # of a proxy
    port: int = 0
    wait: float | None = None  # seconds for a lock, where they were given
    only_read: bool = False  # as the user wishes

    def __str__(self) -> str:
        return shown(self.given)


def shown(url: str) -> str:
    """A URL as sentences name it: without its password, and not for pages."""
    url = public(url)
    return url if len(url) <= LONGEST else f"{url[: LONGEST // 2]}...{url[-LONGEST // 4 :]}"


def understand(storage: str | Path) -> Place:
    """What a storage's URL or path means. UsageError for one that means nothing or is
    refused."""
    given = storage_url(storage)
    scheme, mark, rest = given.partition("://")
    if re.match(r"(rediss?|unix)\b", scheme):
        raise UsageError(
            f"{shown(given)} is refused: Optuna unpickles what a Redis server holds, so whoever "
            f"writes there runs code here: give one like {DEFAULT_URL} or postgresql://host/name"
        )
    if scheme.partition(":")[0].partition("+")[0] == "sqlite":
        return _sqlite(given)
    if scheme == "grpc":
        return _proxy(given)
    if mark:
        _check_user(given, rest)
        return Place(given=given, kind="server", url=f"{DRIVERS.get(scheme, scheme)}://{rest}")
    if given.endswith(JOURNALS):
        return Place(given=given, kind="journal", path=_path(given))
    if given.endswith(DATABASES):
        return Place(given=given, kind="sqlite", path=_path(given))
    spelt = "" if re.search("[:@]", given) else f"write sqlite:///{shown(given)}, or "
    raise UsageError(
        f"{shown(given)!r} is no storage URL: {spelt}give one like {DEFAULT_URL} or "
        "postgresql://host/name"
    )


def sqlite_path(storage: str | Path) -> Path | None:
    """The file of a SQLite storage; None for another one. UsageError as of `understand`."""
    place = understand(storage)
    return place.path if place.kind == "sqlite" else None


def _sqlite(given: str) -> Place:
    read = re.fullmatch(r"(?s)sqlite(?:\+pysqlite)?:(/*)([^?]*)\??(.*)", given)
    if read is None:
        raise UsageError(
            f"{shown(given)} needs a driver that vrtune can't use: write sqlite:///..."
        )
    slashes, path = len(read[1]), unquote(read[2])
    query = dict(parse_qsl(read[3]))
    if path.startswith("file:"):  # an address as SQLite itself reads it
        path = unquote(re.sub("^(//[^/]*)?(?=/)", "", path.removeprefix("file:")))
    if not path or ":memory:" in path or query.get("mode") == "memory":
        raise UsageError(f"{shown(given)!r} names no file: give a storage like {DEFAULT_URL}")
    if slashes < 3:
        spelt = shown(f"sqlite:///{'/' * (slashes == 1)}{path}")
        raise UsageError(f"{shown(given)!r} is no storage URL: write {spelt}")
    return Place(
        given=given,
        kind="sqlite",
        path=_path("/" * (slashes - 3) + path),
        wait=_seconds(query.get("timeout"), given),
        only_read=query.get("mode") == "ro" or query.get("immutable") in ("1", "true"),
    )


def _proxy(given: str) -> Place:
    """A proxy has a name and a port, and asks nobody for a password."""
    read = re.fullmatch(r"grpc://([\w.-]+|\[[0-9A-Fa-f:.]+\]):(\d{1,5})/?", given)
    if read is None or not 0 < int(read[2]) < 65536:
        raise UsageError(f"{shown(given)!r} is no proxy's URL: give one like grpc://host:13000")
    return Place(given=given, kind="proxy", host=read[1], port=int(read[2]))


def _path(path: str) -> Path:
    return Path(os.path.expanduser(path))


def _seconds(given: str | None, url: str) -> float | None:
    try:
        return None if given is None else max(0.0, float(given))
    except ValueError:
        raise UsageError(f"{shown(url)!r} has a timeout that is no number: give seconds") from None


def _check_user(given: str, rest: str) -> None:
    """UsageError where the password can't be told from the host, before a driver gets parts of it
    for the host's name."""
    user = re.match(r"(?s)[^:/]*(:[^@]*)?@", rest)  # as SQLAlchemy reads it
    where, _, query = (rest[user.end() :] if user else rest).partition("?")
    if "@" in where or re.match("[^=]*@", query):
        raise UsageError(
            f"{shown(given)} has an @ too many: write @ in a password as %40 (and : / ? # % as "
            "%3A %2F %3F %23 %25)"
        )


def storage_options(url: str) -> tuple[str, ...]:
    """Which storage a command of vrtune is for, if not for the usual one; without a password."""
    return () if url == DEFAULT_URL else ("--storage", public(url))
