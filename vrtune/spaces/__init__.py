"""Search spaces: found by name or path, asked for settings; and users' own files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vrtune.spaces.edges import edge_notes
    from vrtune.spaces.files import FROM_FILE, load_file
    from vrtune.spaces.found import first_line, names
    from vrtune.spaces.space import Space, load

# name -> its file here, read when first asked for: to list names takes neither Optuna nor PyTorch
_HOMES = {
    "FROM_FILE": "files",
    "Space": "space",
    "edge_notes": "edges",
    "first_line": "found",
    "load": "space",
    "load_file": "files",
    "names": "found",
}


def __getattr__(name: str) -> Any:
    """One of the above."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
