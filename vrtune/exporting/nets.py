"""A model's source for a program of its own: what it needs of vrtune's files, without vrtune."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from vrtune.exporting.imports import Import

ROOM = "vrtune.models."
REFUSED = "UsageError"  # what a model raises that does not fit; it did


@dataclass
class Source:
    """Definitions, in an order in which Python can run them, and the imports they need."""

    parts: list[str] = field(default_factory=list)
    imports: set[Import] = field(default_factory=set)


def source_of(module: str, name: str) -> Source:
    """All that `name` of one of vrtune's models needs, as text to edit."""
    files: dict[str, _File] = {}
    wanted: dict[str, set[str]] = {}
    found = Source()
    _gather(module, name, files, wanted, found.imports)
    for home in reversed(wanted):  # what was reached last is needed by what was first
        found.parts += [
            files[home].text(node)
            for names, node in files[home].definitions
            if names & wanted[home]
        ]
    return found


def _gather(
    module: str,
    name: str,
    files: dict[str, _File],
    wanted: dict[str, set[str]],
    imports: set[Import],
) -> None:
    """Notes a definition, and then what it needs."""
    if module not in files:
        files[module] = _File(module)
    here = files[module]
    known = wanted.pop(module, set())
    wanted[module] = known  # moved behind whatever asked for it
    if name in known:
        return
    known.add(name)
    for other in here.needs(name):
        if other in here.taken:
            needed = here.taken[other]
            if needed.module.startswith(ROOM):
                _gather(needed.module, needed.name, files, wanted, imports)
            else:
                imports.add(needed)
        elif other in here.names and other not in known:
            _gather(module, other, files, wanted, imports)


class _File:
    """A module's definitions, without the checks that refuse other data."""

    def __init__(self, module: str) -> None:
        spec = find_spec(module)
        path = Path(spec.origin if spec and spec.origin else "")
        self.lines = _without_checks(path.read_text(encoding="utf-8")).splitlines()
        tree = ast.parse("\n".join(self.lines))
        self.definitions = [(_bound(node), node) for node in tree.body if _bound(node)]
        self.names = {name for names, _ in self.definitions for name in names}
        self.taken = {
            needed.alias or needed.name or needed.module: needed
            for node in tree.body
            for needed in _imports(node)
        }

    def needs(self, name: str) -> list[str]:
        """The names that a definition reads, in order."""
        nodes = [node for names, node in self.definitions if name in names]
        read = [n.id for node in nodes for n in ast.walk(node) if isinstance(n, ast.Name)]
        return list(dict.fromkeys(read))

    def text(self, node: ast.stmt) -> str:
        """A definition as it stands in the file."""
        return "\n".join(self.lines[node.lineno - 1 : node.end_lineno])


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {
            n.id for target in node.targets for n in ast.walk(target) if isinstance(n, ast.Name)
        }
    return set()


def _imports(node: ast.stmt) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield Import(alias.name, alias=alias.asname or "")
    elif isinstance(node, ast.ImportFrom) and node.module:
        for alias in node.names:
            yield Import(node.module, alias.name, alias.asname or "")


def _without_checks(text: str) -> str:
    """The text without `if ...: raise UsageError(...)`, and without functions that do no more."""
    tree = ast.parse(text)
    dropped: set[int] = set()
    empty: set[str] = set()

    def drop(node: ast.stmt) -> None:
        dropped.update(range(node.lineno, (node.end_lineno or 0) + 1))

    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            checks = [inner for inner in node.body if _is_check(inner)]
            rest = [inner for inner in node.body if inner not in checks]
            for check in checks:
                drop(check)
            if checks and node in tree.body and all(map(_does_nothing, rest)):
                empty.add(node.name)
                drop(node)
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Name) and called.id in empty:
                drop(node)
    kept = [line for n, line in enumerate(text.splitlines(), 1) if n not in dropped]
    return "\n".join(kept)


def _does_nothing(node: ast.stmt) -> bool:
    """A docstring, or a name for something."""
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return words or isinstance(node, ast.Assign)


def _is_check(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.If)
        and not node.orelse
        and isinstance(node.body[0], ast.Raise)
        and REFUSED in ast.unparse(node.body[0])
    )
