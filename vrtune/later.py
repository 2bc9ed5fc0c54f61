"""What is imported when it is first used: PyTorch, and what the lists of names stand for.

PyTorch takes seconds to import. Settings need none of it, only what runs them does.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:

    class _Torch:
        """Stands for the module `torch`."""

        def __getattr__(self, name: str) -> Any:
            return getattr(import_module("torch"), name)

    torch, Tensor = _Torch(), "torch.Tensor"  # for annotations, which nobody evaluates


@dataclass(frozen=True)
class Named:
    """A function or a class by the names of its module and its own: imported when it is called."""

    module: str
    name: str

    def __call__(self, *given: Any) -> Any:
        """Calls it."""
        return getattr(import_module(self.module), self.name)(*given)

    @property
    def summary(self) -> str:
        """The first line of its docstring, read from its file."""
        spec = find_spec(self.module)
        file = Path(spec.origin if spec and spec.origin else "")
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == self.name:
                return (ast.get_docstring(node) or "").partition("\n")[0]
        raise AttributeError(f"{self.module} has no {self.name}")
