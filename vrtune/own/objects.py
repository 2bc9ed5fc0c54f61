"""Objects that users name on a command line: FILE.py:NAME, or package.module:NAME."""

from __future__ import annotations

import hashlib
import importlib
import os
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vrtune.errors import UsageError, VrtuneError
from vrtune.own.files import in_their_words, load_file, staying
from vrtune.own.sources import digest, reach


@dataclass(frozen=True)
class Found:
    """What a name stands for: the object, and 16 hex digits of what its sources mean."""

    text: str
    name: str
    value: Any
    digest: str


def is_object(text: str) -> bool:
    """Whether a text names an object: FILE.py:NAME or package.module:NAME."""
    home, _, name = text.rpartition(":")
    return name.isidentifier() and (home.endswith(".py") or _is_module(home))


def absolute(text: str) -> str:
    """The text with the full path of its file, as a study keeps it."""
    home, _, name = text.rpartition(":")
    if not is_object(text) or not home.endswith(".py"):
        return text
    return f"{os.path.realpath(os.path.expanduser(home))}:{name}"


def short(text: str) -> str:
    """What an object is called where there is little room: its own name; of a path, the stem."""
    return text.rpartition(":")[2] if is_object(text) else Path(text).stem


def find(text: str, what: str) -> Found:
    """Imports what a text names.

    Args:
        text: FILE.py:NAME, or package.module:NAME of an installed or importable module.
        what: what it is to be, for the sentence that says it is not there: "model", "loss" ...

    Returns:
        The object with the digest of its file and of those beside it that this imports.

    Raises:
        UsageError: the file or module can't be imported, or has nothing of that name.

    Example:
        >>> from pathlib import Path
        >>> from vrtune.own.objects import find
        >>> _ = Path("rates.py").write_text("def slow():\\n    return 0.1")
        >>> find("rates.py:slow", "rate").value()
        0.1
    """
    home, _, name = text.rpartition(":")
    if not is_object(text):
        raise UsageError(f"{what} {text!r} is none: give FILE.py:NAME or package.module:NAME")
    file: Path | None = Path(home).expanduser().resolve()
    if home.endswith(".py"):
        module: Any = load_file(Path(home))
    else:
        module, file = _module(home, what)
    try:
        value = getattr(module, name)
    except AttributeError:
        there = [n for n in vars(module) if not n.startswith("_")]
        near = [n for n in there if n.lower() == name.lower()] or get_close_matches(name, there, 1)
        known = f"it has {', '.join(there[:20]) or 'nothing'}"
        hint = f"did you mean {near[0]}?" if near else known
        raise UsageError(
            f"there is no {name} in {home}, which --{what} {text} asks for: {hint}"
        ) from None
    return Found(text, name, value, fingerprint(file))


def fingerprint(file: Path | None) -> str:
    """16 hex digits of what a file and those beside it that it imports mean."""
    if file is None:
        return ""
    lines = [f"{name} {digest(part)}" for name, part in sorted(reach(file).items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _module(home: str, what: str) -> tuple[Any, Path | None]:
    try:
        with staying():
            module = importlib.import_module(home)
    except VrtuneError as error:
        raise UsageError(f"{what}: {home} can't be imported: {error}") from error
    except Exception as error:
        said = f"{what}: {home} can't be imported: {in_their_words(error)}"
        here = f"{home.replace('.', '/')}.py"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing == home.partition(".")[0] and os.path.isfile(here):
            said += f"; give ./{here}:NAME, as it lies in this folder"
        raise UsageError(said) from error
    origin = getattr(module, "__file__", None)
    return module, Path(origin) if origin and origin.endswith(".py") else None


def _is_module(home: str) -> bool:
    return bool(home) and all(part.isidentifier() for part in home.split("."))
