"""Spaces are ordinary Python, in any encoding; what they raise is told in a sentence."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vrtune import TrialConfig, spaces
from vrtune.errors import UsageError
from vrtune.spaces import Space

Make = Callable[..., Space]

HEAD = "from vrtune import *\n"
BODY = "def suggest(trial):\n    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', .1, 1)))\n"  # noqa: E501


@pytest.mark.parametrize(
    "text",
    [
        "from __future__ import annotations\n"
        "from dataclasses import *\nfrom typing import ClassVar\n"
        "@dataclass(slots=True, kw_only=True)\nclass R:\n    low: float = 0.5\n"
        "    n: ClassVar[int] = 1\nLOW = replace(R(), low=0.1).low",
        "from __future__ import annotations\nfrom pydantic import BaseModel\n"
        "class R(BaseModel):\n    parts: list[Part]\nclass Part(BaseModel):\n    low: float\n"
        "LOW = R(parts=[Part(low=0.1)]).parts[0].low",
        "import pickle\nfrom enum import Enum\nfrom typing import NamedTuple\n"
        "class E(Enum):\n    A = 0.1\nclass N(NamedTuple):\n    low: E\n"
        "LOW = pickle.loads(pickle.dumps(N(E.A))).low.value",
        "import functools, inspect\n@functools.cache\ndef low(): return 0.1\n"
        "assert 'return 0.1' in inspect.getsource(low)\nassert __spec__ and __file__\nLOW = low()",
        "import importlib.resources as r\nLOW = 0.1\n"
        "assert r.files(__package__).joinpath('space.py').is_file()",
        "LOW = 0.1\nif __name__ == '__main__':\n    1 / 0",
        "LOW = 0.1\nprint('ready')",
    ],
    ids=["dataclass", "pydantic", "pickle", "source", "resources", "main", "print"],
)  # fmt: skip
def test_ordinary_python_runs(make: Make, text: str) -> None:
    future, _, rest = text.partition("\n")
    source = f"{future}\n{HEAD}{rest}\n{BODY.replace('.1', 'LOW')}"
    assert make(source.encode()).check().optimizer.lr


@pytest.mark.parametrize(
    "source",
    [
        b"\xef\xbb\xbf'''Mine.'''\n" + (HEAD + BODY).encode(),
        f"# coding: latin-1\n'''Mine.'''\nX = 'é'\n{HEAD}{BODY}".encode("latin-1"),
        f"'''Mine.'''\n{HEAD}{BODY}".replace("\n", "\r\n").encode(),
        f"\x0c'''Mine.'''\n{HEAD}{BODY}".replace("    ", "\t").encode(),
    ],
    ids=["mark", "latin-1", "CRLF", "tabs"],
)
def test_any_encoding_and_layout(make: Make, source: bytes) -> None:
    space = make(source)
    assert space.check().optimizer.lr
    assert spaces.first_line(space.path) == "Mine."


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((HEAD + BODY).encode("utf-16"), "save it as UTF-8"),
        ((HEAD + BODY + "\0").encode(), "null bytes"),
        (b"X = '\xe9'", "can't decode byte"),
        (b"x = " + b"(" * 300 + b")" * 300, "too many nested"),
        (b"x = " + b"-" * 100_000 + b"1", "can't be imported"),
    ],
    ids=["UTF-16", "null", "Latin-1", "nested", "deep"],
)
def test_what_is_no_text_for_python(make: Make, source: bytes, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(source)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("SystemExit", "SystemExit"),
        ("SystemExit(3)", "SystemExit: 3"),
        ("GeneratorExit", "GeneratorExit"),
        ("ValueError('')", "ValueError"),
        ("KeyError()", "KeyError"),
        ("Own()", "Own"),
        ("Silent()", "Silent"),
        ("ValueError('a\\nb')", "ValueError: a b"),
        ("ValueError('\\udc80\\x1b[31m')", r"ValueError: \udc80\x1b[31m"),
    ],
)
@pytest.mark.parametrize("at", ["import", "suggest"])
def test_an_error_is_one_sentence(make: Make, error: str, said: str, at: str) -> None:
    classes = (
        "class Own(BaseException): pass\n"
        "class Silent(Exception):\n    def __str__(self): raise RuntimeError\n"
    )
    raising = f"raise {error}" if at == "import" else f"def suggest(trial):\n    raise {error}"
    with pytest.raises(UsageError) as caught:
        make(f"{classes}{raising}".encode()).check()
    assert str(caught.value).endswith(f" {said}")


def test_a_long_message_is_cut(make: Make) -> None:
    with pytest.raises(UsageError) as caught:
        make(b"raise ValueError('x' * 100_000)")
    assert len(str(caught.value)) < 1000


def test_the_users_interrupt_is_none_of_them(make: Make) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(b"raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        make(b"def suggest(trial):\n    raise KeyboardInterrupt").check()


@pytest.mark.parametrize(
    ("suggest", "message"),
    [
        ("async def suggest(trial): ...", "not coroutine"),
        ("def suggest(trial):\n    yield 1", "not generator"),
        ("def suggest(): ...", "takes 0 positional arguments"),
        ("class suggest:\n    def __init__(self, trial): ...", "not suggest"),
        ("def suggest(trial):\n    return suggest(trial)", "RecursionError"),
    ],
)
def test_a_suggest_of_another_form_is_refused(make: Make, suggest: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(suggest.encode()).check()


@pytest.mark.parametrize(
    "suggest",
    [
        "suggest = lambda trial: TrialConfig(optimizer=SGD(lr=1))",
        "from functools import partial\n"
        "suggest = partial(lambda lr, trial: TrialConfig(optimizer=SGD(lr=lr)), 1)",
        "class Mine(TrialConfig):\n    note: str = ''\n"
        "def suggest(trial): return Mine(optimizer=SGD(lr=1), note='x')",
    ],
)
def test_whatever_is_called_and_returns_settings(make: Make, suggest: str) -> None:
    config = make(f"{HEAD}{suggest}".encode()).check()
    assert type(config) is TrialConfig
    assert config.optimizer.lr == 1


def test_the_working_folder_stays(make: Make, tmp_path: Path) -> None:
    here = os.getcwd()
    moved = BODY.replace("return", f"os.chdir({str(tmp_path)!r}); return")
    space = make(f"import os\nos.chdir('/')\n{HEAD}{moved}".encode())
    assert os.getcwd() == here
    assert space.check().optimizer.lr
    assert os.getcwd() == here


def test_warnings_are_the_users(make: Make) -> None:
    """None is hushed, none becomes an error: not at a point of the grid either."""
    warns = BODY.replace("    return", "    warnings.warn('b')\n    return")
    text = (
        f"{HEAD}import warnings\nGRID = {{'lr': [0.1]}}\nwarnings.warn('a', DeprecationWarning)\n"
        f"{warns}"
    )
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        space = make(text.encode())
        assert space.grid() == [{"lr": 0.1}]
    assert [str(warning.message) for warning in seen] == ["a", "b"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("folder", "is a folder"),
        ("folder.py", "is a folder"),
        ("pipe.py", "no ordinary file"),
        ("space.txt", "does not end in .py"),
        ("x" * 5000, "there is no search space"),
        ("a\0.py", "there is no file"),
        ("", "is a folder"),
        (3, "a search space is a name or a path, not int"),
    ],
)
def test_what_is_no_file_is_refused(
    path: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("folder", "folder.py"):
        Path(folder).mkdir()
    os.mkfifo("pipe.py")
    Path("space.txt").touch()
    with pytest.raises(UsageError, match=message) as caught:
        spaces.load(path)
    assert len(str(caught.value)) < 500


def test_links_and_odd_names(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert make(name="my space.v2.py").check()
    assert spaces.load("my space.v2.py").name == "my space.v2"
    assert make("LOW = 0.3", name="my space_v2.py").ranges()["lr"].low == 0.3  # type: ignore[attr-defined]
    assert make("LOW = 0.2", name="my space.v2.py").ranges()["lr"].low == 0.2  # type: ignore[attr-defined]
    (tmp_path / "é à").mkdir()
    (tmp_path / "é à" / "link.py").symlink_to(tmp_path / "my space.v2.py")
    linked = spaces.load(Path("é à/link.py"))
    assert (linked.name, linked.path) == ("link", tmp_path / "my space.v2.py")
    (tmp_path / os.fsdecode(b"\xff")).mkdir()
    with pytest.raises(UsageError, match="is no UTF-8 text"):
        make(name=os.fsdecode(b"\xff/space.py"))


# ---- settings that are given up ------------------------------------------------------------------

PRUNES = (
    f"{HEAD}import optuna\n"
    "GRID = {'lr': [0.1, 0.3], 'm': [0.0, 0.5]}\nDEFAULT = {'lr': 0.3, 'm': 0.5}\n"
    "def suggest(trial):\n    lr = trial.suggest_float('lr', 0, 1)\n"
    "    if lr > MOST: raise optuna.TrialPruned\n"
    "    return TrialConfig(optimizer=SGD(lr=lr, momentum=trial.suggest_float('m', 0, 0.9)))\n"
)


def test_a_pruned_trial_is_let_through(make: Make) -> None:
    space = make(PRUNES.replace("MOST", "0.2").encode())
    study = optuna.create_study()
    study.enqueue_trial({"lr": 0.3})
    with pytest.raises(optuna.TrialPruned):
        space.suggest(study.ask())
    assert space.check().optimizer.lr <= 0.2
    assert set(space.ranges()) == {"lr", "m"}
    assert space.default() == {"lr": 0.3, "m": 0.5}


def test_points_that_are_pruned_belong_to_the_grid(make: Make) -> None:
    space = make(PRUNES.replace("MOST", "0.2").encode())
    assert [tuple(p.values()) for p in space.grid()] == [(0.1, 0), (0.1, 0.5), (0.3, 0), (0.3, 0.5)]
    assert [point["lr"] for point in space.starts()] == [0.1, 0.1]


def test_a_space_that_prunes_all_is_refused(make: Make) -> None:
    space = make(PRUNES.replace("MOST", "-1").encode())
    with pytest.raises(UsageError, match="TrialPruned 100 times in a row"):
        space.check()
    with pytest.raises(UsageError, match="prunes every point of GRID"):
        space.grid()
    assert space.starts() == []


# ---- any text ------------------------------------------------------------------------------------

LINES = (HEAD + "GRID = {'lr': [0.1]}\nDEFAULT = {'lr': 0.5}\n" + BODY).splitlines()
PIECES = (
    "",
    "(",
    "'''",
    "\\",
    "\0",
    "\t",
    "raise",
    "return",
    "None",
    "é",
    "\udc80",
    "0",
    "{",
    "1e9",
)


@settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.integers(0, len(LINES) - 1), st.integers(0, 40), st.sampled_from(PIECES)),
        min_size=1,
        max_size=3,
    )
)
def test_any_change_of_a_space_runs_or_is_refused(
    make: Make, changes: list[tuple[int, int, str]]
) -> None:
    lines = list(LINES)
    for number, at, piece in changes:
        lines[number] = lines[number][:at] + piece + lines[number][at + len(piece) :]
    with sentences_only(), warnings.catch_warnings(action="ignore"):
        space = make("\n".join(lines).encode(errors="surrogateescape"))
        assert len(space.fingerprint) == 16
        space.check()
        space.default()
        space.grid()


@contextmanager
def sentences_only() -> Iterator[None]:
    """Those that are a sentence."""
    said = ""
    try:
        yield
    except UsageError as error:
        said = str(error)
    assert "\n" not in said
    assert not said.endswith(":")
