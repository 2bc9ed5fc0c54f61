"""Classes of torch.optim.Optimizer by their names, and what they take: no instance is made here."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from inspect import Parameter
from pathlib import Path
from typing import Any

from torch.optim import Optimizer

from vrtune.errors import UsageError, told
from vrtune.own.files import load_file

WRAPPED = ("optimizer", "base_optimizer", "model")  # what classes take that need more than p.grad


def find_class(name: str) -> type[Optimizer]:
    """The class of a full name, or of FILE.py:NAME. UsageError if it is none of an optimizer."""
    home, _, own = name.rpartition(":" if ":" in name else ".")
    module = _file(home) if home.endswith(".py") else _module(home, name)
    if not hasattr(module, own):
        there = [n for n, value in vars(module).items() if _is_optimizer(value)]
        raise UsageError(f"there is no {own} in {home}{_meant(own, there)}")
    found = getattr(module, own)
    if not _is_optimizer(found):
        raise UsageError(f"{name} is no class of torch.optim.Optimizer: name one that is")
    return found


def takes(cls: type[Optimizer], name: str) -> bool:
    """Whether a class can be given an argument of this name."""
    named, keywords = _arguments(cls)
    return name in named or (keywords and asks_for(cls, name))


def default_lr(cls: type[Optimizer]) -> float:
    """The step size of a class that is given none; 1 if it needs one."""
    lr = _arguments(cls)[0].get("lr")
    given = isinstance(getattr(lr, "default", None), int | float)
    return float(lr.default) if lr is not None and given else 1.0


def check_options(name: str, cls: type[Optimizer], options: Mapping[str, Any]) -> None:
    """UsageError if the class needs more than options say, or does not know one of them."""
    first, *_ = [*inspect.signature(cls).parameters, "params"]
    named, _ = _arguments(cls)
    wrapped = next((n for n in (first, *named) if n in WRAPPED and _is_needed(named, n)), None)
    if wrapped:
        raise UsageError(
            f"{name} works on its {wrapped}, and so can't be fed with an estimate: choose a class "
            "that steps along p.grad alone"
        )
    for option in options:
        if option == first or not takes(cls, option):
            known = [n for n in named if n != "lr"]
            raise UsageError(f"{name} has no option {option!r}{_meant(option, known)}")
    lacking = [n for n in named if n != "lr" and n not in options and _is_needed(named, n)]
    if lacking:
        raise UsageError(f"{name} needs more options: give {' and '.join(lacking)}")


def is_imported(name: str) -> bool:
    """Whether the class is there already: to look it up costs nothing, and runs nothing."""
    home = name.rpartition(".")[0]
    return ":" not in name and home in sys.modules


# ---- where classes are ---------------------------------------------------------------------------


def _is_optimizer(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Optimizer)


def _module(home: str, name: str) -> Any:
    try:
        return importlib.import_module(home)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if missing == home.partition(".")[0]:
            raise UsageError(
                f"{name} needs the package {missing}, which is not installed: pip install "
                f"{missing.replace('_', '-')}, or correct the name"
            ) from None
        if not home.startswith(missing):
            raise UsageError(f"{home} can't be imported, as it needs {missing}") from None
        raise UsageError(f"there is no module {missing}, which {name} names") from None
    except Exception as error:
        raise UsageError(f"{home} can't be imported: {told(error)}") from error


def _file(home: str) -> Any:
    """A file of the user's own: a study that names it may come from anyone."""
    path = Path(home)
    with suppress(OSError):  # load_file says what is wrong
        if hasattr(os, "getuid") and path.stat().st_uid not in (os.getuid(), 0):
            raise UsageError(f"{home} is another user's, and would be run: copy it")
    return load_file(path)


def _meant(given: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not there."""
    known = list(known)
    near = [n for n in known if n.lower() == given.lower()] or get_close_matches(given, known, 1)
    if near:
        return f": did you mean {near[0]}?"
    return f": choose from {', '.join(known)}" if known else ""


# ---- what they take ------------------------------------------------------------------------------


def _arguments(cls: type[Optimizer]) -> tuple[dict[str, Parameter], bool]:
    """The arguments after the first, by name, and whether there may be others."""
    everything = list(inspect.signature(cls).parameters.values())
    named = {p.name: p for p in everything[1:] if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}
    return named, any(p.kind is p.VAR_KEYWORD for p in everything)


def _is_needed(named: Mapping[str, Parameter], name: str) -> bool:
    """Whether there is no default; the first argument is always needed."""
    return name not in named or named[name].default is Parameter.empty


def asks_for(cls: type[Optimizer], name: str) -> bool:
    """Whether a class looks for a key of this name: x.get("name"), x["name"]. Of one that takes any
    argument, this tells those that it heeds from misspelt ones, which it would swallow."""
    sources = (_source(base) for base in cls.__mro__)
    return any(name in source and name in _keys(ast.parse(source)) for source in sources)


def _source(base: type) -> str:
    if base.__module__.partition(".")[0] in ("torch", "builtins", "abc"):
        return ""
    with suppress(OSError, TypeError):
        return textwrap.dedent(inspect.getsource(base))
    return ""


def _keys(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        key: Any = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            key = node.args[0] if node.func.attr in ("get", "pop") and node.args else None
        elif isinstance(node, ast.Subscript):
            key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield key.value
