"""Starts a process of a search: run as a script, with nothing of vrtune imported yet.

The first line of standard input says where the parent finds modules: its path, and the folder of
each that it has imported. Those come from there again, whatever else is called so on the path.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


class Known:
    """Finds modules in the folders that are known of them."""

    def __init__(self, folders: Mapping[str, Sequence[str]]) -> None:
        self.folder = {name: folder for folder, names in folders.items() for name in names}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As a finder of `sys.meta_path` does."""
        folder = self.folder.get(name)
        return None if folder is None else PathFinder.find_spec(name, [folder])


def imports() -> dict[str, Any]:
    """What the first line is made of: how this process imports."""
    folders: dict[str, list[str]] = {}
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec is None or not spec.has_location or "." in name or name == "__main__":
            continue
        folder = os.path.dirname(str(spec.origin))
        if spec.submodule_search_locations is not None:  # a package, whose file lies within
            folder = os.path.dirname(folder)
        folders.setdefault(folder, []).append(name)
    return {
        "path": [_absolute(entry) for entry in sys.path if isinstance(entry, str)],
        "folders": folders,
    }


def _absolute(entry: str) -> str:
    with suppress(OSError):  # the working folder is gone
        return os.path.abspath(entry)
    return entry


if __name__ == "__main__":
    parent = os.getppid()
    with open(0, "rb", buffering=0, closefd=False) as lines:  # no more than this line
        given = json.loads(lines.readline() or "null")
    if given is not None:
        sys.path[:] = given["path"]
        sys.meta_path.insert(0, Known(given["folders"]))
        from vrtune.searching.worker import run

        run(parent)
