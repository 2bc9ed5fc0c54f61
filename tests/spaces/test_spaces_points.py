"""A module's GRID and DEFAULT: taken where they can run, and refused in a sentence else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from vrtune import spaces
from vrtune.errors import UsageError

Write = Callable[[str], Path]

TWO = """
def suggest(trial):
    lr = trial.suggest_float("lr", 1e-3, 1.0, log=True)
    kind = trial.suggest_categorical("kind", ["plain", "heavy"])
    momentum = trial.suggest_float("momentum", 0.5, 0.9) if kind == "heavy" else 0.0
    return TrialConfig(optimizer=SGD(lr=lr, momentum=momentum))
"""
INIT = """
def suggest(trial):
    return MetaInit(steps=trial.suggest_int("steps", 1, 9))
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a user's own space; the folder is where vrtune is called."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "mine.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("import numpy as np\nfrom vrtune import *\n\n" + text)
        return path

    return write


def test_there_may_be_no_default(write: Write) -> None:
    path = str(write(TWO))
    assert spaces.load(path).default() == {}
    assert spaces.load(path, "metainit").default() == {}, "half a setting is none"


@pytest.mark.parametrize(
    "point",
    [{"lr": 0.1, "kind": "plain"}, {"lr": 0.1, "kind": "heavy", "momentum": 0.9}],
    ids=lambda p: p["kind"],
)
def test_a_parameter_that_depends_on_another_is_named_where_it_is_asked_for(
    write: Write, point: dict
) -> None:
    assert spaces.load(str(write(f"DEFAULT = {point}\n{TWO}"))).default() == point


@pytest.mark.parametrize(
    ("default", "message"),
    [
        ("{'lr': 0.1}", "suggest asks for kind, which DEFAULT does not name .it names lr"),
        ("{}", "suggest asks for lr, which DEFAULT does not name .it names nothing"),
        (
            "{'lr': 0.1, 'kind': 'heavy'}",
            "suggest asks for momentum, which DEFAULT does not name",
        ),
        (
            "{'lr': 0.1, 'kind': 'plain', 'momentum': 0.9}",
            "DEFAULT names momentum, which suggest never asks for .it asks for kind, lr",
        ),
        ("{'lr': 0.1, 'kind': 'plain', 'rate': 1}", "DEFAULT names rate, which suggest never"),
        ("{'lr': 5, 'kind': 'plain'}", "DEFAULT has lr = 5, which is out of the range"),
        (
            "{'lr': 0.1, 'kind': 'light'}",
            "DEFAULT has kind = 'light', which is none of the choices",
        ),
        ("{'lr': 'big', 'kind': 'plain'}", "DEFAULT has lr = 'big', which is out of the range"),
        ("[0.1]", "DEFAULT must be a dict, a value a parameter"),
        ("0", "DEFAULT must be a dict, a value a parameter"),
    ],
)
def test_a_default_that_is_no_setting_is_refused(write: Write, default: str, message: str) -> None:
    path = write(f"DEFAULT = {default}\n{TWO}")
    with pytest.raises(UsageError, match=message) as caught:
        spaces.load(str(path)).default()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_inits_own_default_is_refused_with_its_file(write: Write) -> None:
    init = write(f"DEFAULT = {{'step': 3}}\n{INIT}", "search_spaces/inits/own.py")
    with pytest.raises(UsageError, match="suggest asks for steps") as caught:
        spaces.load("sgd", "own").default()
    assert str(init) in str(caught.value)


@pytest.mark.parametrize(
    ("init", "wanted"),
    [
        (f"DEFAULT = {{'steps': 3}}\n{INIT}", {"lr": 0.1, "steps": 3}),
        (INIT, {}),
        ("def suggest(trial):\n    return MetaInit(steps=3)\n", {"lr": 0.1}),
    ],
    ids=["names it", "searched, without", "nothing to search"],
)
def test_an_own_init_beside_a_method(write: Write, init: str, wanted: dict) -> None:
    write(init, "search_spaces/inits/own.py")
    assert spaces.load("sgd", "own").default() == wanted


def test_numpys_numbers_become_pythons(write: Write) -> None:
    """Storages keep parameters as JSON."""
    path = write(
        "GRID = {'lr': list(np.logspace(-2, 0, 3)), 'steps': [np.int64(3)]}\n"
        "DEFAULT = {'lr': np.float32(0.5), 'steps': np.int64(4)}\n"
        "def suggest(trial):\n"
        "    lr = trial.suggest_float('lr', 1e-3, 1.0)\n"
        "    init = MetaInit(steps=trial.suggest_int('steps', 1, 9))\n"
        "    return TrialConfig(optimizer=SGD(lr=lr), init=init)\n"
    )
    space = spaces.load(str(path))
    points = [*space.grid(), space.default()]
    assert [point["steps"] for point in points] == [3, 3, 3, 4]
    for point in points:
        assert not any(isinstance(value, np.generic) for value in point.values())


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (
            "{'lr': [0.1], 'kind': ['light']}",
            "GRID has kind = 'light', which is none of the choices",
        ),
        ("{'lr': [0.1, 5], 'kind': ['plain']}", "GRID has lr = 5, which is out of the range"),
        ("{'lr': [0.1]}", "suggest asks for kind, which GRID does not name"),
        ("{'lr': [0.1], 'kind': ['plain'], 'momentum': [0.9]}", "GRID names momentum, which"),
        ("{'lr': 0.1}", "GRID must be a dict of non-empty lists"),
    ],
)
def test_a_grid_that_cannot_run_is_refused(write: Write, grid: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        spaces.load(str(write(f"GRID = {grid}\n{TWO}"))).grid()
