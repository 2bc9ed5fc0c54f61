"""Docstrings of the API: their examples run as they stand, and no argument goes without a word."""

from __future__ import annotations

import doctest
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import vrtune
import vrtune.own.objects
from vrtune import Task, optim, own, search, spaces, testing
from vrtune.diagnosing.diagnose import diagnose_config
from vrtune.trial_config import ROLES

SECTIONS = ("Args", "Returns", "Raises", "Example", "References")


def bases() -> list[type]:
    """What the algorithms of each role derive from."""
    own = [
        u for role in ROLES for u in role.enrolled.values() if u.__module__.startswith("vrtune.")
    ]
    return list(dict.fromkeys(c for u in own for c in u.algorithm.mro() if c.__name__ == u.base))


OFFERED = [getattr(vrtune, name) for name in vrtune.__all__]
BESIDE = [diagnose_config, spaces.load, spaces.load_file, testing.contracts, own.objects.find]
BESIDE += [getattr(optim, name) for name in optim.__all__ if name != "metainit"]  # offered, too
DOCUMENTED: list[Any] = [*OFFERED, *bases(), *BESIDE]
FUNCTIONS = [thing for thing in DOCUMENTED if inspect.isroutine(thing)]
CLASSES = [thing for thing in DOCUMENTED if inspect.isclass(thing)]

every_one = pytest.mark.parametrize(
    "thing", DOCUMENTED, ids=lambda thing: f"{thing.__module__}.{thing.__name__}"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, but for the study that the example of search makes, or continues here."""
    folder = tmp_path_factory.mktemp("docstrings")
    task = Task(model="softmax", folds=2, epochs=1, limit=100)
    url = f"sqlite:///{folder}/studies.db"
    search("sgd", task, trials=2, jobs=1, storage=url, retrain=0)
    return folder


@pytest.fixture
def _units_go() -> Iterator[None]:
    """Units that an example defines are known to it alone."""
    before = [dict(role.enrolled) for role in ROLES]
    yield
    for role, enrolled in zip(ROLES, before, strict=True):
        role.enrolled.clear()
        role.enrolled.update(enrolled)


@every_one
@pytest.mark.usefixtures("_units_go")
def test_the_example_runs(thing: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing imported before, and without a warning."""
    monkeypatch.chdir(folder)
    runner = doctest.DocTestRunner(verbose=False, optionflags=doctest.ELLIPSIS)
    finder, said = doctest.DocTestFinder(exclude_empty=True), list[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for test in finder.find(thing, thing.__name__, sys.modules[thing.__module__], globs={}):
            runner.run(test, out=said.append)
    assert not runner.failures, "".join(said)
    assert runner.tries


@every_one
def test_the_docstring_is_in_order(thing: Any) -> None:
    """A sentence, a blank line, and the sections in their order."""
    first, blank, *_ = said_of(thing).splitlines()
    assert first.endswith(".")
    assert not blank
    found = [name for name in re.findall(r"^(\w+):", said_of(thing), re.M) if name in SECTIONS]
    assert found == [name for name in SECTIONS if name in found]
    assert "Example" in found


@every_one
def test_every_argument_has_its_line(thing: Any) -> None:
    """A setting's fields are its arguments; none is named that is not there."""
    assert described(thing) == arguments(thing)


@pytest.mark.parametrize("thing", FUNCTIONS, ids=lambda f: f.__name__)
def test_a_function_says_what_it_returns_and_raises(thing: Any) -> None:
    assert section(thing, "Returns")
    assert re.search(r"^    (UsageError|TypeError)\b.*: ", section(thing, "Raises"), re.M)


@pytest.mark.parametrize("thing", CLASSES, ids=lambda c: c.__name__)
def test_settings_that_refuse_each_other_say_so(thing: Any) -> None:
    """Those of strategy, and optimizers, refuse what their constructors are given."""
    refuses = thing.__module__.startswith(("vrtune.strategy", "vrtune.optim."))
    if issubclass(thing, BaseModel):
        refuses = bool(thing.__pydantic_decorators__.model_validators)
    assert bool(section(thing, "Raises")) == refuses


def said_of(thing: Any) -> str:
    return inspect.getdoc(thing) or ""


def section(thing: Any, name: str) -> str:
    """The indented lines below a heading; empty where there is none."""
    found = re.search(rf"^{name}:\n((?:    .*\n|\n(?=    ))+)", said_of(thing) + "\n", re.M)
    return found[1] if found else ""


def described(thing: Any) -> set[str]:
    """The names before the colons under Args, without asterisks."""
    lines = re.findall(r"^    ([*\w, ]+): ", section(thing, "Args"), re.M)
    return {name.strip(" *") for line in lines for name in line.split(",")}


def arguments(thing: Any) -> set[str]:
    """What a call takes; search's settings are listed by what describes them."""
    if inspect.isclass(thing) and issubclass(thing, BaseModel):
        return set(thing.model_fields) - {"kind"}
    return set(inspect.signature(inspect.unwrap(thing)).parameters)
