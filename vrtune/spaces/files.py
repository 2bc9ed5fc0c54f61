"""Users' own files: imported by path, with what lies beside them; their units are enrolled."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from weakref import WeakKeyDictionary

from vrtune.errors import UsageError
from vrtune.units import Unit, enrolments

FROM_FILE = "vrtune_file_"  # begins the name of a module that was loaded by its path

_lock = threading.RLock()  # sys.modules and sys.path belong to the whole process
_beside: dict[Path, dict[str, ModuleType]] = {}  # what was imported from a folder, out of the way
_times: WeakKeyDictionary[ModuleType, int] = WeakKeyDictionary()  # when they were written
_units: dict[str, list[type[Unit]]] = {}  # what a file has enrolled, by its module's name


def load_file(path: Path) -> ModuleType:
    """Imports a Python file, which may import what lies beside it; units in it are enrolled.

    Args:
        path: the file; it is run again only after it was changed.

    Returns:
        The module.

    Raises:
        UsageError: the file can't be read or imported.

    Example:
        >>> from pathlib import Path
        >>> from vrtune.spaces import load_file
        >>> _ = Path("own.py").write_text("rate = 0.1")
        >>> load_file(Path("own.py")).rate
        0.1
    """
    path = path.resolve()
    name = f"{FROM_FILE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    with _lock:
        known = sys.modules.get(name)
        if known is None:
            return _run(path, name, source)
        if vars(known)["__source__"] != source or _is_stale(path.parent):
            _beside.pop(path.parent, None)
            return _run(path, name, source)
        for unit in _units[name]:  # another file may have taken the name of their kind since
            unit.enrol(unit.algorithm)
        return known


def _run(path: Path, name: str, source: bytes) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise UsageError(f"{path} can't be imported: give a Python file")
    module = importlib.util.module_from_spec(spec)
    vars(module)["__source__"] = source
    before, _units[name] = sys.modules.get(name), []
    sys.modules[name] = module  # where pydantic and pickle look names up
    try:
        with beside(module):
            # bytecode on disk is told by its second and size: it may be that of an older text
            exec(compile(source, str(path), "exec", dont_inherit=True), vars(module))
    except BaseException as error:
        del sys.modules[name]
        if isinstance(error, KeyboardInterrupt):
            raise
        what = str(error) if isinstance(error, UsageError) else f"{type(error).__name__}: {error}"
        raise UsageError(f"{path} can't be imported: {what}") from error
    finally:
        if name not in sys.modules and before is not None:
            sys.modules[name] = before
    return module


@contextmanager
def beside(module: ModuleType) -> Iterator[None]:
    """Inside, what lies beside a file can be imported, after installed modules of the same name.

    Outside, it is out of the way: another folder may hold other modules of those names. UsageError
    if two units of one kind were enrolled inside.
    """
    folder = Path(str(module.__file__)).parent
    with _lock:
        mine = _beside.setdefault(folder, {})
        sys.modules.update(mine)
        before, enrolled = set(sys.modules) - set(mine), len(enrolments)
        entry, as_before = str(folder), sys.dont_write_bytecode
        added = entry not in sys.path
        if added:
            sys.path.append(entry)
        sys.dont_write_bytecode = True  # a search leaves nothing in the user's folders
        try:
            yield
        finally:
            sys.dont_write_bytecode = as_before
            if added and entry in sys.path:
                sys.path.reverse()
                sys.path.remove(entry)  # the last one
                sys.path.reverse()
            for name in set(sys.modules) - before:
                if _lies_in(folder, name, before):
                    mine[name] = sys.modules.pop(name)
                    _times.setdefault(mine[name], _time_of(mine[name]))
        _keep(module, enrolments[enrolled:])


def _time_of(module: ModuleType) -> int:
    """When its file was last written; 0 for none."""
    try:
        return Path(str(module.__file__)).stat().st_mtime_ns
    except OSError:
        return 0


def _is_stale(folder: Path) -> bool:
    """Whether something that was imported from a folder has been changed since."""
    return any(_time_of(module) != _times[module] for module in _beside.get(folder, {}).values())


def _lies_in(folder: Path, name: str, before: set[str]) -> bool:
    """Whether a module is a file, or of a package, right in a folder."""
    top = name.partition(".")[0]
    if top in before or name.startswith(FROM_FILE):
        return False
    file = getattr(sys.modules.get(top), "__file__", None)
    return file is not None and folder in (Path(file).parent, Path(file).parent.parent)


def _keep(module: ModuleType, fresh: list[type[Unit]]) -> None:
    """Notes the units that a file has enrolled."""
    units = _units.setdefault(module.__name__, [])
    for unit in fresh:
        kind = unit.model_fields["kind"].default
        for other in units:
            if other.role == unit.role and other.model_fields["kind"].default == kind:
                if other is not unit and other.__qualname__ != unit.__qualname__:
                    raise UsageError(
                        f"{module.__file__} has two {unit.role}s of kind {kind!r}, "
                        f"{other.__qualname__} and {unit.__qualname__}: rename one's kind"
                    )
                units.remove(other)
                break
        units.append(unit)
