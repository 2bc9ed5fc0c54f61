"""The import statements of a program, sorted as ruff and isort sort them."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Import:
    """`import module`, or `from module import name` (as another); `own`: beside the program."""

    module: str
    name: str = ""
    alias: str = ""
    own: bool = False

    @property
    def group(self) -> int:
        """The standard library's stand first, then packages, then files beside the program."""
        return 2 if self.own else int(self.module.partition(".")[0] not in sys.stdlib_module_names)


@dataclass(frozen=True)
class Piece:
    """A part of a program: definitions, what they import, and how it is called."""

    text: str
    imports: tuple[Import, ...] = ()
    call: str = ""


def statements(imports: Iterable[Import]) -> str:
    """All of them, each once, in groups with an empty line between."""
    groups: dict[int, list[Import]] = {}
    for needed in set(imports):
        groups.setdefault(needed.group, []).append(needed)
    return "\n\n".join("\n".join(_lines(groups[group])) for group in sorted(groups))


def _lines(group: list[Import]) -> list[str]:
    plain = sorted(
        f"import {i.module}" + f" as {i.alias}" * bool(i.alias) for i in group if not i.name
    )
    taken: dict[str, list[Import]] = {}
    lines = []
    for one in group:
        if one.alias and one.name:
            lines.append((one.module, f"from {one.module} import {one.name} as {one.alias}"))
        elif one.name:
            taken.setdefault(one.module, []).append(one)
    for module, those in taken.items():
        names = ", ".join(sorted((one.name for one in those), key=_rank))
        lines.append((module, f"from {module} import {names}"))
    return [*plain, *(line for _, line in sorted(lines))]


def _rank(name: str) -> tuple[int, str]:
    """CONSTANTS, then Classes, then the rest."""
    return (0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2), name
