"""What users' files say: read, parsed once, and followed to the files beside them they import."""

from __future__ import annotations

import ast
import codecs
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

from vrtune.errors import UsageError

# Installed modules that vrtune stands on. A file of such a name beside a space is not taken for one
# of them, nor for one of the standard library, unless it alone has what is asked for.
_KNOWN = sys.stdlib_module_names | {
    *("vrtune", "torch", "torchvision", "numpy", "scipy", "sklearn", "numba", "PIL", "pydantic"),
    *("optuna", "optuna_dashboard", "sqlalchemy", "plotly", "psutil", "yaml", "tomli_w", "typer"),
    *("rich", "safetensors", "threadpoolctl", "pandas", "matplotlib", "pytest", "hypothesis"),
}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def read(path: Path) -> bytes:
    """A Python file's bytes. UsageError if there is no such file, or it is no text for Python."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        raise UsageError(f"the path {str(path)!r} is no UTF-8 text: rename it") from None
    try:
        if os.path.exists(path) and not os.path.isfile(path):  # a pipe would wait for ever
            raise UsageError(f"{path} can't be read: it is no ordinary file")
        source = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}") from None
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UsageError(f"{path} can't be imported: save it as UTF-8, it is UTF-16 or UTF-32")
    return source


@lru_cache(maxsize=256)
def parse(source: bytes, path: str) -> ast.Module:
    """The tree of a file: what is wrong with it, and warnings of its syntax, are told once."""
    return ast.parse(source, path)


def reach(path: Path) -> dict[str, Path]:
    """A file and those beside it that it imports, or that these do, by their names as modules.

    They are told from their text, so that an import that is yet to run counts.
    """
    folder = path.parent
    found, waiting = {"": path}, [("", path)]
    while waiting:
        name, file = waiting.pop()
        try:
            tree = parse(read(file), str(file))
        except Exception:  # told where it is imported
            continue
        package = name.split(".") if file.name == "__init__.py" else name.split(".")[:-1]
        for other in _imports(tree, folder, package if name else []):
            beside = _file_of(folder, other)
            if beside is not None and beside not in found.values():
                found[other] = beside
                waiting.append((other, beside))
    return found


def from_beside(tree: ast.Module, folder: Path) -> frozenset[str]:
    """The top-level names that a file imports and that stand for what lies in a folder."""
    asked: dict[str, set[str]] = {}
    aliases: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top, *inner = alias.name.split(".")
                asked.setdefault(top, set()).update(inner[:1])
                aliases[alias.asname or top] = top
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            top, *inner = str(node.module).split(".")
            wanted = inner[:1] or [alias.name for alias in node.names]
            asked.setdefault(top, set()).update(wanted)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in aliases:
                asked[aliases[name]].add(attr)
    return frozenset(top for top in asked if _means_beside(top, asked[top], folder))


def digest(path: Path) -> str:
    """Of what a file means: comments, docstrings, layout and encoding do not count."""
    source = read(path)
    try:
        said = "\n".join(_meaning(parse(source, str(path)))).encode("utf-8", "surrogatepass")
    except Exception:  # one that is never imported
        said = source
    return hashlib.sha256(said).hexdigest()


def _means_beside(top: str, asked: Iterable[str], folder: Path) -> bool:
    """Whether a name means what lies in the folder: as a script's imports do, but for a name that
    vrtune knows, if what is asked for is there."""
    beside = PathFinder.find_spec(top, [str(folder)])
    if beside is None:
        return False
    if beside.origin is None:  # a plain folder, such as data, stands behind any module
        return _elsewhere(top, folder) is None
    return top not in _KNOWN or not all(_offers(top, name) for name in asked)


def _elsewhere(top: str, folder: Path) -> ModuleSpec | None:
    """What a name stands for outside of a folder."""
    paths = [entry for entry in sys.path if Path(entry or ".").resolve() != folder]
    return PathFinder.find_spec(top, paths)


def _offers(top: str, name: str) -> bool:
    """Whether a known module has something of a name."""
    try:
        module = import_module(top)
        return name == "*" or hasattr(module, name) or find_spec(f"{top}.{name}") is not None
    except ImportError:
        return False


def _imports(tree: ast.Module, folder: Path, package: list[str]) -> Iterator[str]:
    """Names of modules in a folder that a file in a package there may import."""
    beside = from_beside(tree, folder)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [alias.name for alias in node.names if alias.name.split(".")[0] in beside]
        elif isinstance(node, ast.ImportFrom):
            if node.level > len(package) + 1:
                continue
            base = package[: len(package) + 1 - node.level] if node.level else []
            base += node.module.split(".") if node.module else []
            if node.level == 0 and base[0] not in beside:
                continue
            wanted = [".".join([*base, alias.name]) for alias in node.names]
            wanted += [] if base else ["__init__"]
        else:
            continue
        for name in wanted:
            parts = name.split(".")
            yield from (".".join(parts[: n + 1]) for n in range(len(parts)))


def _file_of(folder: Path, name: str) -> Path | None:
    """The source of a module in a folder, if it has one."""
    base = folder.joinpath(*name.split("."))
    files = (base / "__init__.py", base.with_name(f"{base.name}.py"))
    return next((file for file in files if os.path.isfile(file)), None)


def _meaning(tree: ast.Module) -> Iterator[str]:
    """A tree in words that are the same in all versions of Python: what is empty is left out."""
    waiting: list[object] = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.AST):
            yield f"({type(node).__name__}"
            waiting.append(")")
            for name, value in reversed(list(ast.iter_fields(node))):
                if name == "body" and isinstance(node, _DOCUMENTED) and ast.get_docstring(node):
                    value = value[1:]
                if value is not None and value != [] and name not in ("kind", "type_ignores"):
                    waiting += [value, name]
        elif isinstance(node, list):
            yield "["
            waiting += ["]", *reversed(node)]
        else:
            yield node if isinstance(node, str) and node in _MARKS else repr(node)


_MARKS = {")", "]"}
