"""What went wrong with a storage, in one sentence: what to do about it, and no password in it."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from inspect import getattr_static
from types import FunctionType
from typing import Any, TypeVar

from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import DBAPIError, IntegrityError, PendingRollbackError, SQLAlchemyError

from vrtune.errors import VrtuneError
from vrtune.storages.secrets import without_secrets
from vrtune.storages.urls import shown

Kind = TypeVar("Kind", bound=type)

NEEDS_STUDY = (  # and not only a trial of it
    "get_all_trials", "_get_trials", "create_new_trial", "_create_new_trial",
    "get_study_user_attrs", "get_study_system_attrs", "set_study_user_attr",
    "set_study_system_attr", "get_study_directions", "get_study_name_from_id",
)  # fmt: skip
ABSENT = re.compile("^$|not exist|No trial with|No such")  # a KeyError that Optuna means
LOOKED_UP = ("get_trial_param", "get_trial_id_from_study_id_trial_number")  # those name the key
OTHER = "or give another one with --storage"
ADVICE = (  # by what the driver says; what a storage holds is never said to be in the way
    (r"locked|busy", "is locked by another program: close it or wait for it, {other}"),
    (
        r"disk is full|no space left|quota exceeded|could not extend file",
        "has no room left on its disk: make some, {other}; what it holds is whole",
    ),
    (
        r"read-?only|permission denied|not permitted|must be owner|command denied",
        "may be read only ({cause}): ask for the right to write there, {other}",
    ),
    (
        r"SQLITE_IOERR_(WRITE|FSYNC|TRUNCATE|SHM)",
        "can't be written ({cause}): see to the disk's room and to limits on files, {other}",
    ),
    (r"not a database|encrypted", "is no SQLite database: give another file with --storage"),
    (
        r"malformed|corrupt|disk I/O error",
        "is damaged ({cause}): copy it, and save what it holds with sqlite3's .recover, {other}",
    ),
    (
        r"authentication|access denied|role .* does not exist|no password|no pg_hba",
        "lets nobody in under this name and password: correct them (a password's @ : / % are "
        "written %40 %3A %2F %25)",
    ),
    (
        r"database .* does not exist|unknown database",
        "names a database that is not there: make it first, {other}",
    ),
    (
        r"too many (connections|clients)|remaining connection slots",
        "takes no more connections: end other programs' or allow more ({cause})",
    ),
    (
        r"refused|time ?d? ?out|resolve|translate host|name or service|unreachable|no route"
        r"|can't connect|connection|server closed|gone away|starting up|shutting down"
        r"|recovery|EOF|broken pipe",
        "does not answer ({cause}): start its server, or correct the host and the port",
    ),
    (
        r"deadlock|could not serialize",
        "is held up by programs that wait for each other ({cause}): try again",
    ),
    (r"unable to open", "can't be opened: see that its folder is there and may be read, {other}"),
)
AWAY = (  # what passes, if it is waited for
    "is locked by another program", "takes no more connections", "does not answer",
    "is held up by programs that wait for each other",
)  # fmt: skip


class StorageFault(VrtuneError, StorageInternalError):
    """A storage that failed, in one sentence; to Optuna it is one of its own errors. What it does
    while it is `away`, which passes if it is waited for; empty if it will not pass."""

    def __init__(self, sentence: str, away: str = "") -> None:
        super().__init__(sentence)
        self.away = away


def fault(url: str, error: BaseException) -> StorageFault:
    """The sentence for an error of a driver, a server or a file."""
    root = _root(error)
    said = getattr(root, "details", lambda: None)() or str(root)  # gRPC says more than it means
    if (name := getattr(root, "sqlite_errorname", "")).startswith("SQLITE_IOERR"):
        said = f"{said}, {name}"  # which tells a write that failed from damage
    said = without_secrets(" ".join(said.strip().split("\n", 1)[0].split()), url)
    known = (advice for words, advice in ADVICE if re.search(words, said, re.IGNORECASE))
    other = "does not answer ({cause}): see to its server" if _was_cut(error) else None
    advice = next(known, other or "can't be used ({cause}): mend that, {other}")
    away = next((words for words in AWAY if advice.startswith(words)), "")
    if away.startswith("is locked") and "timeout=" in url:  # so long SQLite has waited itself
        away = ""
    return StorageFault(f"{shown(url)} {advice.format(cause=said, other=OTHER)}", away)


class StudyGone(VrtuneError, KeyError):
    """A study that was deleted while it was used; to Optuna it is one of its own errors."""

    __str__ = Exception.__str__  # a KeyError's is in quotes


def gone(url: str) -> StudyGone:
    """The sentence for a study that was deleted while it was used."""
    return StudyGone(f"the study is gone from {shown(url)}: another program deleted it")


def unread(url: str, error: Exception) -> StorageFault:
    """The sentence for values that another program, or a damage, has put into a storage."""
    said = without_secrets(" ".join(str(error).split()), url)
    return StorageFault(f"{shown(url)} holds what Optuna can't read ({said}): mend that, {OTHER}")


@contextmanager
def faults(url: str) -> Iterator[None]:
    """Turns what escapes a storage into one sentence, and keeps its password out of all others."""
    try:
        yield
    except VrtuneError as error:
        clean = without_secrets(str(error), url)
        if clean == str(error):
            raise
        told = type(error)(clean)
        told.__dict__.update(error.__dict__)
        raise told from None
    except (SQLAlchemyError, StorageInternalError, sqlite3.Error) as error:
        raise fault(url, error) from None


def plain(kind: Kind, *errors: type[Exception]) -> Kind:
    """A kind of storage with a `url`, whose methods fail in one sentence where it does, or where a
    study is gone, in whatever thread or process they are called. It fails with `errors`, too."""
    for name in dir(kind):
        method = getattr_static(kind, name)
        if isinstance(method, FunctionType) and not name.startswith("__"):
            setattr(kind, name, _plain(method, errors))
    return kind


_calls = threading.local()  # whether one is under way: Optuna itself handles errors within


def _plain(method: Callable[..., Any], errors: tuple[type[Exception], ...]) -> Callable[..., Any]:
    name = method.__name__
    failures: tuple[type[Exception], ...] = (SQLAlchemyError, StorageInternalError, *errors)
    reads = name.startswith(("get_", "_get_")) and "get_best_trial" not in name

    @wraps(method)
    def call(self: Any, *args: Any, **named: Any) -> Any:
        if getattr(_calls, "inside", False):
            return method(self, *args, **named)
        _calls.inside = True
        try:
            return method(self, *args, **named)
        except IntegrityError:
            raise
        except failures as error:
            raise fault(self.url, error) from None
        except (LookupError, TypeError, ValueError) as error:
            if name in NEEDS_STUDY and "Record does not exist" in str(error):
                raise gone(self.url) from None
            # a value of no meaning, or one that lacks a part; that a record is not there is said
            absent = isinstance(error, KeyError) and ABSENT.search(str(error))
            if not reads or absent or name in LOOKED_UP:
                raise
            raise unread(self.url, error) from None
        finally:
            _calls.inside = False

    return call


def _root(error: BaseException) -> BaseException:
    """What the driver itself said."""
    return _chain(error)[-1]


def _was_cut(error: BaseException) -> bool:
    """Whether a driver has lost its connection, or gRPC its proxy, however it says so."""
    chain = _chain(error)
    return any(isinstance(e, DBAPIError) and e.connection_invalidated for e in chain) or (
        callable(code := getattr(chain[-1], "code", None)) and code().name == "UNAVAILABLE"
    )


def _chain(error: BaseException) -> list[BaseException]:
    """An error and what caused it."""
    chain = [error]
    while cause := getattr(error, "orig", None) or error.__cause__ or _before(error):
        chain.append(error := cause)
    return chain


def _before(error: BaseException) -> BaseException | None:
    """What Optuna took for a fault of its query, and went on in a transaction that was over."""
    return error.__context__ if isinstance(error, PendingRollbackError) else None
