"""Users' own models, data, losses and metrics in a program: imported from beside it."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from vrtune.errors import UsageError
from vrtune.exporting.code import importable
from vrtune.exporting.imports import Import
from vrtune.own.sources import reach

# what programs define and import themselves
TAKEN = {
    *("F", "Image", "ImageOps", "LambdaLR", "Library", "MISSING", "Path", "Tensor", "argparse"),
    *("array", "arrays", "balanced_accuracy", "batches", "csv", "datasets", "draw_views"),
    *("encoded", "evaluate", "factor", "halves", "images", "initialise", "inputs", "limited"),
    *("load_data", "load_digits", "macro_f1", "main", "math", "metainit", "nn", "np"),
    *("numbers", "partial", "pd", "plain", "prepared", "read", "seen", "separator", "stacked"),
    *("torch", "train", "train_test_split"),
}


def imported(text: str) -> Import:
    """How a program imports FILE.py:NAME, whose file lies beside it, or package.module:NAME."""
    home, _, name = text.rpartition(":")
    alias = "" if called(text) == name else called(text)
    if not home.endswith(".py"):
        return Import(home, name, alias)
    stem = Path(home).stem
    if not importable(stem):
        raise UsageError(
            f"no program can import {Path(home).name}: give the file a name that is a Python word, "
            "or choose another format"
        )
    _refuse_relative(Path(home))
    return Import(stem, name, alias, own=True)


def _refuse_relative(path: Path) -> None:
    """UsageError where a file, or one beside it that it imports, does so by a dot: a program's
    neighbours are no package."""
    for file in reach(path).values():
        if file.parent != path.parent:
            continue
        for node in ast.walk(ast.parse(file.read_bytes())):
            if isinstance(node, ast.ImportFrom) and node.level:
                asked = f"from {'.' * node.level}{node.module or ''} import"
                raise UsageError(
                    f"{file.name} says '{asked}', which fails beside a program: write it without "
                    "the dot, which vrtune understands as well, or choose another format"
                )


def called(text: str) -> str:
    """What the program calls it: by its name, unless a function of the program has that."""
    name = text.rpartition(":")[2]
    return f"own_{name}" if name in TAKEN else name


def is_class(text: str) -> bool:
    """Whether it is a class, which the program makes an instance of."""
    return isinstance(_definition(text), ast.ClassDef)


def arguments(text: str, known: tuple[str, ...]) -> list[str]:
    """Those of the known arguments that the function, or the class, takes by name."""
    node = _definition(text)
    if node is None:  # the file has it from elsewhere
        return list(known)
    if isinstance(node, ast.ClassDef):
        inner = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
        node = inner[0] if inner else node
    if not isinstance(node, ast.FunctionDef):
        return []
    taken = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
    return [name for name in known if name in taken or node.args.kwarg]


def _definition(text: str) -> ast.stmt | None:
    """The statement that defines it, read and not run. UsageError where it can't be read."""
    home, _, name = text.rpartition(":")
    try:
        path = Path(home) if home.endswith(".py") else _file(home)
        if not path.exists() and Path(path.name).exists():  # moved along with the study
            path = Path(path.name)
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, ImportError) as error:
        raise UsageError(
            f"{home} can't be read ({error}), and the program is to use its {name}: bring it back, "
            "or choose another format"
        ) from None
    found = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name
    ]
    return found[-1] if found else None


def _file(module: str) -> Path:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ImportError(f"there is no module {module}")
    return Path(spec.origin)
