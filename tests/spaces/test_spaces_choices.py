"""Choices and values of any kind: a study keeps them, and gives back what a queue holds."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable

import optuna
import pytest

from vrtune.errors import UsageError
from vrtune.spaces import Space
from vrtune.spaces.choices import any_choices

Make = Callable[..., Space]

KINDS = (
    "from vrtune import *\nimport numpy as np\nfrom enum import Enum\n"
    "class Kind(Enum):\n    LOW = 'low'\n    HIGH = 'high'\n"
)
ASKS = """
SEEN = []
GRID = {{"x": {values}}}
def suggest(trial):
    SEEN.append(trial.suggest_categorical("x", {choices}))
    return TrialConfig(optimizer=SGD(lr=1))
"""

pytestmark = pytest.mark.filterwarnings("ignore:Choices for a categorical:UserWarning")


@pytest.mark.parametrize(
    ("choices", "kept", "seen"),
    [
        ("np.arange(1, 3)", [1, 2], "[1, 2]"),
        ("[np.float32(0.5), 1.0]", [0.5, 1.0], "[0.5, 1.0]"),
        ("np.array([True, False])", [True, False], "[True, False]"),
        ("[(0.9, 0.999), (0.8, 0.9)]", [[0.9, 0.999], [0.8, 0.9]], "[(0.9, 0.999), (0.8, 0.9)]"),
        ("list(Kind)", ["low", "high"], "list(Kind)"),
        ("[{'a': (1, 2)}, None]", [{"a": [1, 2]}, None], "[{'a': (1, 2)}, None]"),
        ("['a', 1, 1.5, None]", ["a", 1, 1.5, None], "['a', 1, 1.5, None]"),
    ],
)
def test_they_go_through_a_queue_and_a_database(
    make: Make, url: str, choices: str, kept: list[object], seen: str
) -> None:
    """suggest gets its own objects, the study plain ones, NumPy's numbers become Python's."""
    space = make((KINDS + ASKS.format(values=choices, choices=choices)).encode())
    points = space.grid()
    assert [point["x"] for point in points] == kept
    study = optuna.create_study(storage=url, study_name="s")
    for point in points:
        study.enqueue_trial(point)
    study = optuna.load_study(storage=url, study_name="s")
    space.method.SEEN.clear()
    for value in kept:
        trial = study.ask()
        space.suggest(trial)
        assert json.dumps(trial.params["x"]) == json.dumps(value)
    own = eval(seen, vars(space.method))
    assert list(map(repr, space.method.SEEN)) == list(map(repr, own))


def test_a_trial_is_as_it_was_afterwards() -> None:
    trial = optuna.create_study().ask()
    before = dict(vars(trial))
    with any_choices(trial):
        assert trial.suggest_categorical("x", [(1, 2)]) == (1, 2)  # type: ignore[list-item]
    assert vars(trial).keys() == before.keys()


@pytest.mark.parametrize("choices", ["[SGD, Adam]", "[b'x']", "[{1: 2}]", "[1j]"])
def test_what_no_study_keeps_is_refused_before_a_search(make: Make, choices: str) -> None:
    space = make((KINDS + ASKS.format(values="[1]", choices=choices)).encode())
    for call in (space.check, space.grid):
        with pytest.raises(UsageError, match="a study can't keep"):
            call()


TWO = """
def suggest(trial):
    lr, m = trial.suggest_float("lr", 1e-3, 9), trial.suggest_float("m", 0, 0.9)
    return TrialConfig(optimizer=SGD(lr=lr, momentum=m))
"""


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("np.array([1, 2])", [1, 2]),
        ("range(1, 3)", [1, 2]),
        ("(0.5,)", [0.5]),
        ("{0.5, 0.25}", [0.25, 0.5]),
        ("[1, 1.0, np.int64(1), 2]", [1, 2]),
    ],
)
def test_a_grids_values_may_be_of_any_sort(make: Make, values: str, wanted: list[float]) -> None:
    space = make(f"{KINDS}GRID = {{'lr': {values}, 'm': [0]}}{TWO}".encode())
    assert [point["lr"] for point in space.grid()] == wanted


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("(x for x in [1])", "lr is <generator"),
        ("np.float64(1)", "lr is np.float64"),
        ("np.array(0.1)", "lr is array"),
        ("'abc'", "lr is 'abc'"),
        ("{'a': 1}", "lr is {'a': 1}"),
        ("[]", "lr is empty"),
        ("[None]", "lr = None, which is out of the range"),
        ("[True]", "lr = True, which is out of the range"),
        ("[float('nan')]", "lr = nan, which is out of the range"),
        ("[(1, 2)]", r"lr = \[1, 2\], which is out of the range"),
        ("[10**400]", "lr = 1000.*, which is out of the range"),
        ("[object()]", "GRID's lr: a study can't keep"),
        ("range(10**12)", "GRID has 1,000,000,000,000 points"),
    ],
)
def test_values_that_cannot_be_are_refused(make: Make, values: str, message: str) -> None:
    space = make(f"{KINDS}GRID = {{'lr': {values}, 'm': [0]}}{TWO}".encode())
    with pytest.raises(UsageError, match=message) as caught:
        space.grid()
    assert "\n" not in str(caught.value)


def test_a_huge_grid_is_no_start(make: Make) -> None:
    assert make(f"{KINDS}GRID = {{'lr': range(10**12), 'm': [0]}}{TWO}".encode()).starts() == []


def test_a_point_names_what_is_asked_for_at_it(make: Make) -> None:
    """Or settings that differ in what is not asked for would be tried again."""
    text = (
        "GRID = {'kind': ['a', 'b'], 'm': [0.0, 0.5]}\ndef suggest(trial):\n"
        "    heavy = trial.suggest_categorical('kind', ['a', 'b']) == 'b'\n"
        "    m = trial.suggest_float('m', 0, 0.9) if heavy else 0\n"
        "    return TrialConfig(optimizer=SGD(lr=1, momentum=m))"
    )
    space = make((KINDS + text).encode())
    assert space.grid() == [{"kind": "a"}, {"kind": "b", "m": 0.0}, {"kind": "b", "m": 0.5}]


def test_pairs_are_chosen_without_a_warning(make: Make) -> None:
    text = "def suggest(trial):\n    lr, _ = trial.suggest_categorical('p', [(0.1, 1), (0.2, 2)])\n"
    space = make(f"{KINDS}{text}    return TrialConfig(optimizer=SGD(lr=lr))".encode())
    with warnings.catch_warnings(action="error"):
        assert space.check().optimizer.lr in (0.1, 0.2)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("3", "a parameter's name is text, and 3 is none"),
        ("'x' * 513", "at most 512 characters"),
        ("'\\ud800'", "give it in UTF-8"),
        ("'a\\0'", "without the character NUL"),
    ],
    ids=["number", "long", "half", "nul"],
)
def test_a_name_that_no_study_keeps_is_refused(make: Make, name: str, message: str) -> None:
    text = f"def suggest(trial):\n    lr = trial.suggest_float({name}, 0.1, 1)\n"
    space = make(f"{KINDS}{text}    return TrialConfig(optimizer=SGD(lr=lr))".encode())
    with pytest.raises(UsageError, match=message):
        space.check()
