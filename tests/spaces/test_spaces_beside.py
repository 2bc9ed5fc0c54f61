"""What a space imports from beside it: by its name as a script does, by a dot as a package does."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from vrtune import spaces
from vrtune.errors import UsageError
from vrtune.spaces import Space

Make = Callable[..., Space]


def low_of(space: Space) -> float:
    """The low end of a space's range."""
    return space.ranges()["lr"].low  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        ("from ranges import LOW", {"ranges": "LOW = 0.1"}),
        ("import ranges as r\nLOW = r.LOW", {"ranges": "LOW = 0.1"}),
        ("from .ranges import LOW", {"ranges": "LOW = 0.1"}),
        ("from . import ranges\nLOW = ranges.LOW", {"ranges": "LOW = 0.1"}),
        ("from . import LOW", {"__init__": "LOW = 0.1"}),
        ("from pack import LOW", {"pack/__init__": "from .low import LOW", "pack/low": "LOW=.1"}),
        ("from pack.low import LOW", {"pack/__init__": "", "pack/low": "from ranges import LOW",
                                      "ranges": "LOW = 0.1"}),
        ("import pack.low\nLOW = pack.low.LOW", {"pack/low": "LOW = 0.1"}),
        ("from a import LOW", {"a": "from b import LOW", "b": "from .c import LOW", "c": "LOW=.1"}),
        ("from importlib import import_module as get\nLOW = get('.ranges', __package__).LOW",
         {"ranges": "LOW = 0.1"}),
        ("from queue import LOW", {"queue": "LOW = 0.1"}),
        ("import random\nLOW = random.LOW", {"random": "LOW = 0.1"}),
        ("from optuna import LOW", {"optuna": "LOW = 0.1"}),
        ("import numpy\nLOW = numpy.LOW", {"numpy": "LOW = 0.1"}),
    ],
)  # fmt: skip
def test_it_is_found(make: Make, text: str, beside: dict[str, str]) -> None:
    assert low_of(make(text, **beside)) == 0.1


def test_installed_modules_win_where_they_have_what_is_asked_for(make: Make) -> None:
    """Notes that are called optuna.py do no harm."""
    text = "import random\nfrom optuna import Trial\nLOW = random.choice([0.1])"
    assert low_of(make(text, optuna="1 / 0", random="1 / 0")) == 0.1


def test_it_may_be_imported_when_it_is_needed(make: Make) -> None:
    text = (
        b"from vrtune import *\ndef suggest(trial):\n    from .ranges import LOW\n"
        b"    from ranges import LOW as same\n    assert LOW is same\n"
        b"    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', LOW, 1)))"
    )
    assert low_of(make(text, ranges="LOW = 0.1")) == 0.1


def test_other_folders_have_modules_of_the_same_names(tmp_path: Path) -> None:
    """Loaded in turns, and asked in turns."""
    found = []
    for folder, low in (("a", "0.1"), ("b", "0.2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "ranges.py").write_text(f"LOW = {low}")
        (tmp_path / folder / "space.py").write_text(
            "from vrtune import *\nfrom ranges import LOW\ndef suggest(trial):\n    import ranges\n"
            "    assert ranges.LOW == LOW\n"
            "    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', LOW, 1)))"
        )
        found.append(spaces.load(str(tmp_path / folder / "space.py")))
    assert [low_of(space) for space in found * 2] == [0.1, 0.2] * 2


def test_a_space_may_build_on_another(make: Make) -> None:
    make("LOW = 0.25", name="first.py")
    space = make("from .first import LOW")
    assert low_of(space) == 0.25
    make("LOW = 0.5", name="first.py")
    assert low_of(spaces.load(str(space.path))) == 0.5


def test_their_classes_can_be_pickled(make: Make) -> None:
    space = make("LOW = 0.1\nfrom ranges import Range", ranges="class Range:\n    low = 0.1")
    assert pickle.loads(pickle.dumps(space.method.Range)) is space.method.Range


@pytest.mark.parametrize(
    ("text", "beside", "message"),
    [
        (
            "from ranges import LOW",
            {"ranges": "HIGH = 1"},
            "cannot import name 'LOW' from 'ranges'",
        ),
        ("from .ranges import LOW", {}, "No module named 'ranges'"),
        ("from ..ranges import LOW", {}, "relative import beyond top-level package"),
        ("from ranges import LOW", {"ranges": "LOW = ("}, r"SyntaxError: .*ranges.py, line 1"),
        ("from . import LOW", {"__init__": "HIGH = 1"}, "cannot import name 'LOW'"),
    ],
)
def test_what_is_missing_is_told_as_the_file_names_it(
    make: Make, text: str, beside: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        make(text, **beside)
    assert spaces.FROM_FILE not in str(caught.value)
