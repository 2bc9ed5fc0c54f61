"""The house keeps its order: who imports whom, what is registered, how long a file gets."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import vrtune
from vrtune import (
    averages,
    chains,
    data,
    estimators,
    inits,
    models,
    optimizers,
    penalties,
    schedules,
)
from vrtune.later import Named
from vrtune.units import Unit

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "vrtune"
SPACES = ROOT / "search_spaces"

# A room (a folder or a file) imports from lines above its own here, and from itself.
# A new file of vrtune must be given its line.
LAYERS: list[set[str]] = [
    {"errors", "events", "later"},
    {"given", "strategy", "engines"},
    {"config", "display", "machine"},
    {"units", "storages"},
    {"own"},
    {"data", "models", "inits", "estimators", "optimizers", "schedules", "objectives", "penalties"},
    {"averages", "chains"},
    {"optim"},
    {"trial_config", "gradients"},
    {"spaces", "lanes"},
    {"studies"},
    {"retraining"},
    {"diagnosing", "searching", "exporting", "comparing"},
    {"figures"},
    {"reporting", "dashboard"},
    {"scaling", "ranging", "replaying"},
    {"testing"},
    {"__init__"},  # vrtune itself imports what it offers when first asked for it
    {"cli"},
]
LAYER = {room: i for i, rooms in enumerate(LAYERS) for room in rooms}

FILES = sorted(PACKAGE.rglob("*.py"))
EVERY_FILE = [*FILES, *sorted(SPACES.rglob("*.py"))]


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


every_file = pytest.mark.parametrize("path", EVERY_FILE, ids=name_of)


def room_of(path: Path) -> str:
    """The folder or file directly in vrtune/."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    """vrtune.lanes.rows, or vrtune.lanes for its __init__."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


def imported(path: Path) -> set[str]:
    """The modules of vrtune that a file imports anywhere but for type checkers."""
    found: set[str] = set()
    waiting: list[ast.AST] = [ast.parse(path.read_text())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
            continue
        waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name if name in MODULES else str(node.module) for name in inner}
    return {name for name in found if name == "vrtune" or name.startswith("vrtune.")}


def test_every_file_has_a_layer() -> None:
    missing = {name_of(path) for path in FILES if room_of(path) not in LAYER}
    assert not missing, f"give them a line in LAYERS of {name_of(Path(__file__))}"


def test_rooms_import_downwards_only() -> None:
    wrong = []
    for path in FILES:
        room = room_of(path)
        for name in imported(path):
            other = name.split(".")[1] if "." in name else "__init__"
            if other != room and LAYER[other] >= LAYER[room]:
                wrong.append(f"{name_of(path)} imports {name}")
    assert not wrong


def test_no_circle_among_files() -> None:
    """Inside a room, too."""
    arrows = {name: imported(path) - {name} for name, path in MODULES.items() if name != "vrtune"}
    done: set[str] = set()
    while free := {name for name, to in arrows.items() if name not in done and to <= done}:
        done |= free
        done |= {"vrtune"}  # imports what it offers when first asked for it
    assert set(arrows) == done - {"vrtune"}


def test_imports_are_found() -> None:
    """Or the test above could not fail."""
    assert "vrtune.lanes.rows" in imported(PACKAGE / "lanes" / "train.py")
    assert "vrtune.units" in imported(PACKAGE / "optimizers" / "sgd.py")
    assert "vrtune.spaces" in imported(PACKAGE / "searching" / "job.py")
    assert imported(SPACES / "sgd.py") == {"vrtune"}
    assert imported(PACKAGE / "errors.py") == set()


def test_search_spaces_need_only_what_users_may_import() -> None:
    for path in SPACES.rglob("*.py"):
        assert imported(path) <= {"vrtune"}, name_of(path)


# ---- registries --------------------------------------------------------------------------------

# What a room holds beside its units: the base class, and for data what the lanes use, and what is
# users' own.
DATA = {"base", "folder", "npz", "own", "tables", "folds", "normalise", "augment"}
REGISTRIES: dict[str, tuple[ModuleType, dict, set[str]]] = {
    "estimators": (estimators, estimators.ESTIMATORS, {"base"}),
    "optimizers": (optimizers, optimizers.OPTIMIZERS, {"base"}),
    "chains": (chains, chains.CHAINS, {"chain", "effective"}),
    "schedules": (schedules, schedules.SCHEDULES, set()),
    "penalties": (penalties, penalties.PENALTIES, {"base"}),
    "averages": (averages, averages.AVERAGES, {"base"}),
    "inits": (inits, inits.INITS, {"base", "places", "smooth"}),
    "models": (models, models.MODELS, {"own"}),
    "data": (data, data.DATASETS, DATA),
}


@pytest.mark.parametrize("room", REGISTRIES)
def test_no_file_is_left_unregistered(room: str) -> None:
    """Each is the home of a registered unit, or one of those imports it."""
    _, registry, beside = REGISTRIES[room]
    homes = {
        unit.module if isinstance(unit, Named) else unit.__module__ for unit in registry.values()
    }
    reached: set[str] = set()
    mine = {home for home in homes if home.startswith(f"vrtune.{room}.")}  # chains are optimizers
    waiting = mine | {f"vrtune.{room}.{name}" for name in beside}
    while waiting:
        module = waiting.pop()
        reached.add(module)
        waiting |= {
            name
            for name in imported(MODULES[module])
            if name.startswith(f"vrtune.{room}.") and name not in reached
        }
    files = {m for m, path in MODULES.items() if room_of(path) == room and m != f"vrtune.{room}"}
    assert files == reached


@pytest.mark.parametrize(
    "room", ["estimators", "optimizers", "inits", "schedules", "penalties", "averages"]
)
def test_settings_are_part_of_the_api(room: str) -> None:
    """A search space imports them from vrtune."""
    settings: type[Unit]
    for settings in REGISTRIES[room][1].values():
        assert getattr(vrtune, settings.__name__) is settings
        assert settings.__name__ in vrtune.__all__


# ---- files -------------------------------------------------------------------------------------


def test_no_room_for_odds_and_ends() -> None:
    forbidden = {"utils", "util", "helpers", "helper", "common", "core", "misc"}
    for path in [*EVERY_FILE, *(ROOT / "tests").rglob("*.py")]:
        parts = {part.removesuffix(".py").strip("_") for part in path.relative_to(ROOT).parts}
        assert not parts & forbidden, name_of(path)


def test_few_files_lie_directly_in_the_package() -> None:
    assert len(list(PACKAGE.glob("*.py"))) <= 8


def test_optunas_internals_are_used_in_two_rooms_alone() -> None:
    private = re.compile(r"\._storage|\._trial_id|\._study_id|_system_attrs|optuna[.\w]*\._")
    users = {name_of(path) for path in EVERY_FILE if private.search(path.read_text())}
    assert {room_of_any(ROOT / name) for name in users} == {"storages", "studies"}


@every_file
def test_file_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 250


@every_file
def test_file_and_everything_public_in_it_is_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the file"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), node.name


CHECKED = {"vrtune/optimizers/library.py"}  # by the signature of the class that is named


@every_file
def test_no_constructor_swallows_misspelt_arguments(path: Path) -> None:
    if name_of(path) in CHECKED:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name in ("__init__", "__new__"):
            assert node.args.kwarg is None, f"line {node.lineno}"


def test_test_data_are_read_in_one_place() -> None:
    readers = {
        name_of(path)
        for path in EVERY_FILE
        if "read_test" in path.read_text() and room_of_any(path) != "data"
    }
    assert readers == {"vrtune/retraining/training.py"}


def room_of_any(path: Path) -> str:
    return room_of(path) if path.is_relative_to(PACKAGE) else "search_spaces"


def test_every_package_is_installed() -> None:
    """A wheel has the packages that pyproject.toml names, and no others."""
    given = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {path.parent.relative_to(ROOT) for path in PACKAGE.rglob("__init__.py")}
    named = {name for name in given if not name.startswith("vrtune.search_spaces")}
    assert named == {".".join(folder.parts) for folder in folders}
