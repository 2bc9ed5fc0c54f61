"""A call that is data: Python text, Hydra's _target_, or Lightning's class_path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vrtune.exporting.code import call, literal
from vrtune.exporting.imports import Import


@dataclass(frozen=True)
class Expression:
    """Python text that a program computes."""

    text: str


@dataclass(frozen=True)
class Call:
    """`name` of module `home`, called with arguments: plain data, expressions, other calls.

    `first` is what the program gives before them; in a configuration the caller gives that.
    """

    home: str
    name: str
    arguments: dict[str, Any] = field(default_factory=dict)
    first: str = ""
    own: bool = False  # its file lies beside the program
    data: dict[str, Any] | None = None  # the same as plain data, where those who take it take that
    method: str = ""  # of what the call makes, and this is given `first`

    def python(self, depth: int = 0) -> str:
        """The call as Python text, at an indentation."""
        given = {key: _python(value, depth + 1) for key, value in self.arguments.items()}
        if self.method:
            return f"{call(self.called, given, depth)}.{self.method}({self.first})"
        if self.first:
            given = {"_first_": self.first, **given}
        return call(self.called, given, depth).replace("_first_=", "", 1)

    @property
    def called(self) -> str:
        """What the program calls it: a class by its name, a package's by the package's path."""
        return f"{self.home}.{self.name}" if self.by_path else self.name

    @property
    def by_path(self) -> bool:
        """Whether the program imports the module, not the name: optimizers of other packages."""
        return not self.own and not self.home.startswith("vrtune")

    def imports(self) -> Iterator[Import]:
        """What the text needs."""
        root = self.home.partition(".")[0] if self.home.startswith("torch.") else self.home
        yield Import(root) if self.by_path else Import(self.home, self.name, own=self.own)
        for value in self.arguments.values():
            if isinstance(value, Call):
                yield from value.imports()

    def hydra(self) -> dict[str, Any]:
        """For hydra.utils.instantiate; a function of what is left to give where `first` is."""
        partial = {"_partial_": True} if self.first else {}
        given = {key: _plain(value, "hydra") for key, value in self.arguments.items()}
        return {"_target_": self.path, **partial, **given}

    def lightning(self) -> dict[str, Any]:
        """For jsonargparse, and so for LightningCLI."""
        if self.data is not None:
            return self.data
        given = {key: _plain(value, "lightning") for key, value in self.arguments.items()}
        return {"class_path": self.path, "init_args": given}

    @property
    def path(self) -> str:
        """The dotted path."""
        return f"{self.home}.{self.name}"


def _python(value: Any, depth: int) -> str:
    if isinstance(value, Call):
        return value.python(depth)
    return value.text if isinstance(value, Expression) else literal(value)


def _plain(value: Any, form: str) -> Any:
    """Plain data, as JSON has them."""
    if isinstance(value, Call):
        return value.hydra() if form == "hydra" else value.lightning()
    if isinstance(value, tuple | list):
        return [_plain(inner, form) for inner in value]
    return value
