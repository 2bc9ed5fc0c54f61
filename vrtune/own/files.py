"""Users' own files: imported by path, with what lies beside them; their units are enrolled."""

from __future__ import annotations

import builtins
import hashlib
import importlib
import os
import re
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from vrtune.errors import UsageError, VrtuneError, told
from vrtune.own.sources import from_beside, parse, reach, read
from vrtune.units import Unit, enrolments

FROM_FILE = "vrtune_file_"  # begins the name of the package that stands for a user's folder

_lock = threading.RLock()  # sys.modules belongs to the whole process
_units: dict[str, list[type[Unit]]] = {}  # what a file has enrolled, by its module's name


def load_file(path: Path) -> ModuleType:
    """Imports a Python file, which may import what lies beside it; units in it are enrolled.

    What lies beside is imported as of a script, by its name, or as of a package, by a dot and its
    name. Other folders may hold other modules of those names.

    Args:
        path: the file; it is run again only after it, or what it may import, was changed.

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
    try:
        path = path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name with a NUL
        raise UsageError(f"{path} can't be read: {told(error)}") from None
    read(path)
    if path.suffix != ".py":
        raise UsageError(f"{path} can't be imported: give a Python file")
    with _lock:
        package = _package(path.parent)
        if any(map(_is_stale, _loaded(package).values())):
            _forget(package)
            _package(path.parent)
        stem = path.stem.replace(".", "\u2024")  # a dot that is none between packages
        name = f"{package}.{stem}"
        known = sys.modules.get(name)
        if known is None:
            return _run(name, path)
        for unit in _units_of(known):  # another file may have taken the name of their kind since
            unit.enrol(unit.algorithm)
        return known


def _run(name: str, path: Path) -> ModuleType:
    importlib.invalidate_caches()  # what lies beside may be new
    spec = spec_from_file_location(name, path, loader=_Loader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = module_from_spec(spec)  # where pydantic and pickle look names up
    try:
        with enrolling(module), staying():
            spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        _disown({name})
        if isinstance(error, KeyboardInterrupt):
            raise
        what = str(error) if isinstance(error, VrtuneError) else in_their_words(error)
        raise UsageError(f"{path} can't be imported: {what}") from error
    return module


def in_their_words(error: BaseException) -> str:
    """What a user's file raised, with modules named as the file names them."""
    return re.sub(rf"{FROM_FILE}[0-9a-f]+\.?", "", told(error))


@contextmanager
def staying() -> Iterator[None]:
    """Inside, a user's file may change the working folder, as scripts do: storages, results and
    data are named from the one before."""
    try:
        before = os.getcwd()
    except OSError:  # it is gone
        before = None
    try:
        yield
    finally:
        with suppress(OSError):
            if before is not None and os.getcwd() != before:
                os.chdir(before)


# ---- what lies beside ----------------------------------------------------------------------------


def _package(folder: Path) -> str:
    """The name of the package that stands for a folder."""
    name = FROM_FILE + hashlib.sha256(os.fsencode(folder)).hexdigest()[:8]
    if name not in sys.modules:
        loader = _Loader(name, str(folder / "__init__.py"))
        spec = spec_from_file_location(name, loader.path, loader=loader)
        assert spec is not None
        module = sys.modules[name] = module_from_spec(spec)

        def inner(wanted: str) -> Any:  # what no module there is named, its __init__.py may give
            fresh = loader.source is None and os.path.isfile(loader.path)
            if fresh and not wanted.startswith("__"):
                loader.exec_module(module)
                if wanted in vars(module):
                    return vars(module)[wanted]
            raise AttributeError(f"there is no {wanted} in {folder}")

        vars(module)["__getattr__"] = inner
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
    return name


def _loaded(package: str) -> dict[str, ModuleType]:
    """A package and its modules, by their names."""
    return {name: m for name, m in list(sys.modules.items()) if name.split(".")[0] == package}


def _is_stale(module: ModuleType) -> bool:
    """Whether a module's file has been changed, or has gone, since it was run."""
    loader = getattr(module, "__loader__", None)
    if not isinstance(loader, _Loader) or loader.source is None:
        return False
    with suppress(OSError):
        return Path(loader.path).read_bytes() != loader.source
    return True


def _forget(package: str) -> None:
    """Leaves nothing of what was imported from a folder."""
    loaded = _loaded(package)
    for name in loaded:
        del sys.modules[name]
    _disown(loaded)


def _disown(modules: Collection[str]) -> None:
    """Forgets what modules have enrolled that will be run anew."""
    for name in modules:
        _units.pop(name, None)
    enrolments[:] = [unit for unit in enrolments if unit.__module__ not in modules]


class _Finder(MetaPathFinder):
    """Finds what is imported from beside users' files."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith(FROM_FILE):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Runs a file's text: bytecode on disk is told by its second and size, so it may be that of an
    older one, and a search leaves nothing in the user's folders. Its imports look beside it."""

    source: bytes | None = None  # not run yet

    def exec_module(self, module: ModuleType) -> None:
        package = module.__name__.partition(".")[0]
        self.source = text = read(Path(self.path))
        names: frozenset[str] = frozenset()
        try:
            code = self.source_to_code(tree := parse(text, self.path), self.path)
            names = from_beside(tree, Path(sys.modules[package].__path__[0]))
        except RecursionError:  # a tree is limited before a program is
            code = self.source_to_code(text, self.path)

        def import_(
            name: str,
            globals: Mapping[str, object] | None = None,
            locals: Mapping[str, object] | None = None,
            fromlist: Sequence[str] = (),
            level: int = 0,
        ) -> Any:
            top = name.partition(".")[0]
            if level or top not in names:
                return builtins.__import__(name, globals, locals, fromlist, level)
            found = builtins.__import__(f"{package}.{name}", globals, locals, fromlist, 0)
            return found if fromlist else sys.modules[f"{package}.{top}"]

        vars(module)["__builtins__"] = {**vars(builtins), "__import__": import_}
        exec(code, vars(module))


# ---- units ---------------------------------------------------------------------------------------


@contextmanager
def enrolling(module: ModuleType) -> Iterator[None]:
    """Inside, a file may enrol units. UsageError if two of one kind are its own then."""
    before = len(enrolments)
    yield
    fresh = enrolments[before:]
    if fresh:
        _units.setdefault(module.__name__, []).extend(fresh)
        _units_of(module)


def _units_of(module: ModuleType) -> list[type[Unit]]:
    """The units of a file and of what it imports from beside it, the last of each kind. UsageError
    for two that are not one defined again."""
    files = {str(file) for file in reach(Path(str(module.__file__))).values()}
    found: dict[tuple[str, str], type[Unit]] = {}
    own = _units.get(module.__name__, [])
    for unit in enrolments:
        home = getattr(sys.modules.get(unit.__module__), "__file__", None)
        if unit not in own and home not in files:
            continue
        kind = unit.model_fields["kind"].default
        other = found.pop((unit.role, kind), unit)
        if other.__qualname__ != unit.__qualname__:
            raise UsageError(
                f"there are two {unit.role}s of kind {kind!r}, {other.__qualname__} and "
                f"{unit.__qualname__}: rename one's kind"
            )
        found[unit.role, kind] = unit
    return list(found.values())
