"""Where search spaces lie: found by name or path without being run. Needs no PyTorch."""

from __future__ import annotations

import ast
import difflib
import os
import warnings
from pathlib import Path

from vrtune.errors import UsageError, brief, shown, told

_PACKAGE = Path(__file__).parents[1]
# The user's own folder first, then the installed one, then a checkout's.
FOLDERS = (Path("search_spaces"), _PACKAGE / "search_spaces", _PACKAGE.parent / "search_spaces")

# the folders of what is searched beside a method
BESIDE = {"init": "inits", "penalty": "penalties", "average": "averages"}


def names() -> dict[str, Path]:
    """The search spaces that can be called by name."""
    found: dict[str, Path] = {}
    for folder in FOLDERS:
        for path in sorted(folder.glob("*.py")):
            if path.stem != "__init__":
                found.setdefault(path.stem, path.resolve())
    return found


def find(space: str | Path) -> Path:
    """The file of a search space. UsageError if there is none."""
    if not isinstance(space, str | Path):
        raise UsageError(
            f"a search space is a name or a path, not {type(space).__name__}: "
            "give one of vrtune list spaces, or a .py file"
        )
    given, known = str(space), names()
    if given in known:
        return known[given]
    path = Path(os.path.expanduser(given))
    if path.suffix == ".py" or os.path.exists(path):
        return _file(path, brief(given))
    near = difflib.get_close_matches(given, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"choose one of {', '.join(sorted(known))}"
    raise UsageError(f"there is no search space {shown(given)}: {hint} (or give a .py file)")


def _file(path: Path, given: str) -> Path:
    """UsageError unless it is a Python file."""
    if os.path.isdir(path):
        raise UsageError(f"{given} is a folder: give a .py file that defines suggest(trial)")
    if not os.path.exists(path):
        raise UsageError(f"there is no file {given}: give the path of a search-space module")
    if not os.path.isfile(path):
        raise UsageError(f"{given} is no ordinary file: give a .py file")
    if path.suffix != ".py":
        raise UsageError(f"{given} does not end in .py: rename it, if it is a search space")
    return path


def names_beside(role: str) -> dict[str, Path]:
    """The inits, penalties or averages that can be called by name."""
    paths = (p for each in reversed(FOLDERS) for p in (each / BESIDE[role]).glob("*.py"))
    return {path.stem: path for path in paths if path.stem != "__init__"}


def find_beside(role: str, name: str) -> Path:
    """The file of an init, a penalty or an average. UsageError if there is none."""
    paths = names_beside(role)
    if name not in paths:
        known = ", ".join(sorted(paths))
        raise UsageError(f"there is no {role} {shown(name)}: choose one of {known}")
    return paths[name]


def first_line(path: Path) -> str:
    """The first line of a module's docstring, in whatever encoding; the module is not run."""
    if not os.path.isfile(path):
        return "can't be read: it is no ordinary file"
    try:
        with warnings.catch_warnings(action="ignore"):  # of its syntax, told where it is run
            said = ast.get_docstring(ast.parse(path.read_bytes()))
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return f"can't be read: {told(error)}"
    return (said or "").partition("\n")[0]
