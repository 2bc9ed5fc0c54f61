"""What a search space asks for and returns, and how it is written: a setting, or a sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import optuna
import pytest
from fuzzing import JSON, NUMBER, TEXT, fuzzed, one_sentence
from hypothesis import strategies as st
from reference.exported import CONFIGS

from vrtune import SGD, He, TrialConfig, spaces
from vrtune.own.files import FROM_FILE
from vrtune.spaces import Space, edge_notes
from vrtune.trial_config import ROLES


class Own(TrialConfig):
    """A setting with more than a setting has."""

    more: int = 1


class Odd:
    """It can't even be shown."""

    def __repr__(self) -> str:
        raise RuntimeError("no\nrepr")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class OddError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


async def later() -> TrialConfig:
    return CONFIGS[0]


def several() -> Iterator[TrialConfig]:
    yield CONFIGS[0]


RETURNED = st.one_of(
    st.sampled_from(CONFIGS),
    st.just(Own(optimizer=SGD(lr=0.1))),
    st.sampled_from([TrialConfig, SGD(lr=0.1), SGD, He(), Ellipsis, NotImplemented, np.float64(1)]),
    st.builds(Odd),
    st.sampled_from([later, several]).map(lambda made: made()),
    JSON,
)
ERRORS = [Exception, ValueError, KeyError, OSError, OddError, SystemExit, GeneratorExit]
RAISED = st.one_of(
    st.builds(lambda kind, said: kind(*said), st.sampled_from(ERRORS), st.lists(TEXT, max_size=2)),
    st.sampled_from(
        [optuna.TrialPruned("no"), MemoryError(), RecursionError("x\ny"), StopIteration(1)]
    ),
)
CHOICE = st.one_of(
    JSON,
    st.tuples(NUMBER, NUMBER),
    st.builds(Odd),
    st.sampled_from([np.int8(1), np.ones(2), SGD, 1j]),
)
NAME = TEXT | st.sampled_from(["lr", "lr", "x" * 600]) | JSON
OPTIONS = st.fixed_dictionaries(
    {}, optional={"log": st.booleans() | JSON, "step": NUMBER | st.none(), "more": JSON}
)
ASKED = st.one_of(
    st.tuples(
        st.sampled_from(["suggest_float", "suggest_int"]),
        st.tuples(NAME, NUMBER | JSON, NUMBER | JSON),
        OPTIONS,
    ),
    st.tuples(
        st.just("suggest_categorical"),
        st.tuples(NAME, st.lists(CHOICE, max_size=4) | JSON),
        st.just({}),
    ),
)
SOUND = ("suggest_float", ("lr", 0.001, 1.0), {"log": True})
GRID = st.one_of(
    JSON,
    st.builds(Odd),
    st.dictionaries(
        st.just("lr") | NAME.filter(lambda n: isinstance(n, str)),
        st.one_of(st.lists(CHOICE, max_size=3), CHOICE, st.sets(st.integers() | TEXT, max_size=3)),
        max_size=3,
    ),
)
DEFAULT = st.one_of(JSON, st.dictionaries(st.just("lr") | TEXT, CHOICE, max_size=3))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before, enrolled = set(sys.modules), [dict(role.enrolled) for role in ROLES]
    yield tmp_path_factory.mktemp("spaces")
    for name in set(sys.modules) - before:
        if name.startswith(FROM_FILE):
            del sys.modules[name]
    for role, kinds in zip(ROLES, enrolled, strict=True):
        role.enrolled.clear()
        role.enrolled.update(kinds)


def made(suggest: Any, **named: Any) -> Space:
    """A space of a module that was never a file."""
    module = ModuleType("made")
    vars(module).update(suggest=suggest, __file__="made.py", **named)
    return Space("made", Path("made.py"), module, {})


def ask(space: Space) -> None:
    """All that is asked of a space before a search begins."""
    with one_sentence():
        assert isinstance(space.check(), TrialConfig)
        edge_notes({"lr": 0.1}, space.ranges())
    for what in (space.default, space.starts, space.grid):
        with one_sentence():
            what()


@fuzzed(280, returned=RETURNED)
def test_what_it_returns(returned: Any) -> None:
    def suggest(trial: optuna.Trial) -> Any:
        trial.suggest_float("lr", 0.1, 1)
        return returned

    ask(made(suggest, DEFAULT={"lr": 0.1}, GRID={"lr": [0.1, 0.2]}))


@fuzzed(150, raised=RAISED)
def test_what_it_raises(raised: BaseException) -> None:
    def suggest(trial: optuna.Trial) -> TrialConfig:
        raise raised

    ask(made(suggest, DEFAULT={"lr": 0.1}, GRID={"lr": [0.1, 0.2]}))


@fuzzed(400, asked=st.lists(ASKED | st.just(SOUND), min_size=1, max_size=3), default=DEFAULT)
def test_what_it_asks_for(asked: list[Any], default: Any) -> None:
    def suggest(trial: Any) -> TrialConfig:
        values = [getattr(trial, what)(*given, **options) for what, given, options in asked]
        return TrialConfig(optimizer=SGD(lr=values[0]))

    ask(made(suggest, DEFAULT=default))


@fuzzed(350, grid=GRID, default=DEFAULT)
def test_points_it_names(grid: Any, default: Any) -> None:
    def suggest(trial: optuna.Trial) -> TrialConfig:
        return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.001, 1, log=True)))

    ask(made(suggest, GRID=grid, DEFAULT=default))


SOURCE = '''\
"""A space of a user's own."""

from typing import Literal

import torch
from vrtune import SGD, Step, TrialConfig
from vrtune.estimators import Estimator, EstimatorSettings

DEFAULT = {"lr": 0.1, "share": 0.5}
GRID = {"lr": [0.1, 0.2], "share": [0.5]}


class Mine(EstimatorSettings):
    kind: Literal["mine"] = "mine"
    share: float = 0.5


class MineEstimator(Estimator):
    """d = g."""

    settings = Mine

    def __init__(self, weights):
        self.state = {"last": torch.zeros_like(weights)}

    def estimate(self, weights, hp, clock, gradient):
        (g,) = gradient(weights)
        return g, None


def suggest(trial):
    lr = trial.suggest_float("lr", 0.01, 1.0, log=True)
    share = trial.suggest_float("share", 0, 1)
    return TrialConfig(estimator=Mine(share=share), optimizer=SGD(lr=lr), schedule=Step())
'''
WORDS = SOURCE.replace("(", " ( ").replace(")", " ) ").split(" ")


@st.composite
def rewritten(draw: st.DrawFn) -> str:
    """The source with words left out, put elsewhere or replaced by odd text."""
    words = list(WORDS)
    for _ in range(draw(st.integers(1, 4))):
        at, other = draw(st.integers(0, len(words) - 1)), draw(st.sampled_from(WORDS))
        words[at] = draw(st.sampled_from(["", other, words[at] + "\n", "None", "\0", "-1"]) | TEXT)
    return " ".join(words)


@fuzzed(280, source=rewritten())
def test_how_it_is_written(source: str, folder: Path) -> None:
    path = folder / "space.py"
    path.write_bytes(source.encode(errors="surrogatepass"))
    with one_sentence():
        ask(spaces.load(path))


@fuzzed(200, name=TEXT, what=st.sampled_from(["space", "init", "penalty", "average"]))
def test_any_name(name: str, what: str) -> None:
    with one_sentence():
        spaces.load(**{"space": "sgd", what: name})
