"""A space's fingerprint: what its sources mean, helpers among them, wherever they lie."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vrtune import spaces
from vrtune.own.sources import _meaning
from vrtune.spaces import Space

Make = Callable[..., Space]

TEXT = '''
"""A space."""
from vrtune import SGD, TrialConfig
from ranges import LOW


class Range:
    low: float = LOW


def suggest(trial):
    """Suggests."""
    lr = trial.suggest_float("lr", Range.low, 1.0)
    return TrialConfig(optimizer=SGD(lr=lr))
'''
HELPER = "LOW = 0.1\nNAMES = ('a', None, 1, 1.0, True, b'x')\n"


def write(folder: Path, text: str = TEXT, helper: str = HELPER, name: str = "space") -> Space:
    """The space, in a folder that is made for it."""
    folder.mkdir(exist_ok=True)
    (folder / "ranges.py").write_text(helper)
    (folder / f"{name}.py").write_text(text)
    return spaces.load(str(folder / f"{name}.py"))


def test_it_is_short_and_the_same_anywhere(tmp_path: Path) -> None:
    one = write(tmp_path / "a").fingerprint
    assert len(one) == 16
    assert int(one, 16) >= 0
    assert write(tmp_path / "b", name="other").fingerprint == one
    assert spaces.load("sgd").fingerprint != one


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A space."""', "# a space"),
        ('    """Suggests."""\n', ""),
        ("class Range:", 'class Range:\n    """Its range."""\n'),
        ('"lr"', "'lr'"),
        ("(trial):", "( trial ):  # asks"),
    ],
)
def test_what_means_the_same_does_not_count(old: str, new: str, tmp_path: Path) -> None:
    assert old in TEXT
    one = write(tmp_path / "a").fingerprint
    assert write(tmp_path / "a", TEXT.replace(old, new)).fingerprint == one
    assert write(tmp_path / "a", "\ufeff" + TEXT.replace("\n", "\r\n")).fingerprint == one
    assert write(tmp_path / "a", TEXT, HELPER + "# a comment").fingerprint == one


@pytest.mark.parametrize(("old", "new"), [("1.0)", "2.0)"), ("1.0)", "1)"), ("float = ", "int = ")])
def test_an_edit_counts(old: str, new: str, tmp_path: Path) -> None:
    one = write(tmp_path / "a").fingerprint
    assert write(tmp_path / "a", TEXT.replace(old, new)).fingerprint != one


@pytest.mark.parametrize("helper", ["LOW = 0.2", HELPER.replace("None", "''"), HELPER + "X = 1"])
def test_an_edit_of_a_helper_counts(helper: str, tmp_path: Path) -> None:
    one = write(tmp_path / "a").fingerprint
    assert write(tmp_path / "a", helper=helper).fingerprint != one


@pytest.mark.parametrize(
    "way",
    ["from ..ranges import LOW", "from .. import ranges", "import ranges", "from ranges import *"],
)
def test_however_it_is_imported(way: str, tmp_path: Path) -> None:
    """By a function of a module in a package, which did not run yet."""
    text = TEXT.replace("from ranges import LOW", "from pack.inner import LOW")
    (tmp_path / "a" / "pack").mkdir(parents=True)
    inner = "LOW = 0.1\ndef later():\n    "
    (tmp_path / "a" / "pack" / "inner.py").write_text(inner + way.replace("*", "LOW"))
    one = write(tmp_path / "a", text).fingerprint
    assert write(tmp_path / "a", text, "LOW = 0.3").fingerprint != one
    assert write(tmp_path / "a", text).fingerprint == one


def test_what_is_not_imported_does_not_count(tmp_path: Path) -> None:
    one = write(tmp_path / "a").fingerprint
    (tmp_path / "a" / "optuna.py").write_text("1 / 0")
    assert spaces.load(str(tmp_path / "a" / "space.py")).fingerprint == one


def test_the_init_belongs_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert spaces.load("sgd", "metainit").fingerprint != spaces.load("sgd").fingerprint
    seen = set()
    for steps in (3, 4):
        shutil.rmtree("search_spaces", ignore_errors=True)
        Path("search_spaces/inits").mkdir(parents=True)
        Path("search_spaces/inits/own.py").write_text(
            f"from vrtune import *\ndef suggest(trial):\n    return MetaInit(steps={steps})"
        )
        seen.add(spaces.load("sgd", "own").fingerprint)
    assert len(seen) == 2


def test_it_is_the_same_in_all_versions_of_python() -> None:
    """Fields that one version has and another does not are empty: they are left out."""
    tree = ast.parse("def f(x: int = 1) -> 'a': return -x")
    assert " ".join(_meaning(tree)) == (
        "(Module 'body' [ (FunctionDef 'name' 'f' 'args' (arguments 'args' [ (arg 'arg' 'x' "
        "'annotation' (Name 'id' 'int' 'ctx' (Load ) ) ) ] 'defaults' [ (Constant 'value' 1 ) ] ) "
        "'body' [ (Return 'value' (UnaryOp 'op' (USub ) 'operand' (Name 'id' 'x' 'ctx' (Load ) ) ) "
        ") ] 'returns' (Constant 'value' 'a' ) ) ] )"
    )
