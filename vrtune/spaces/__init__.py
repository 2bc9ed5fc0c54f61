"""Search spaces: found by name or path, asked for settings."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vrtune.own.files import FROM_FILE, load_file
    from vrtune.spaces.edges import edge_notes
    from vrtune.spaces.found import first_line, names
    from vrtune.spaces.space import Space, fingerprint, load

# name -> its file, read when first asked for: to list names takes neither Optuna nor PyTorch
_HOMES = {
    "FROM_FILE": "vrtune.own.files",
    "Space": "vrtune.spaces.space",
    "edge_notes": "vrtune.spaces.edges",
    "fingerprint": "vrtune.spaces.space",
    "first_line": "vrtune.spaces.found",
    "load": "vrtune.spaces.space",
    "load_file": "vrtune.own.files",
    "names": "vrtune.spaces.found",
}


def __getattr__(name: str) -> Any:
    """One of the above."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
