"""Choices of any kind that a storage keeps as JSON: NumPy's numbers, pairs, members of an enum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any

import numpy as np
from optuna.trial import BaseTrial

from vrtune.errors import UsageError, shown, unwarned
from vrtune.given.names import text_fault

LONGEST = 512  # characters of a parameter's name that Optuna's databases keep


class Refused(UsageError):
    """A space names something, in its choices, GRID or DEFAULT, that can't be kept or run."""


def plain(value: Any) -> Any:
    """A value as JSON gives it back: tuples as lists, NumPy's numbers as Python's. Refused for one
    that JSON has no form of."""
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, Enum):
        return plain(value.value)
    if value is None or type(value) in (bool, int, float, str):
        return value
    for kind in (int, float, str):  # of a class derived from it
        if isinstance(value, kind):
            return kind(value)
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: plain(part) for key, part in value.items()}
    raise Refused(
        f"a study can't keep {shown(value)}: name it by a word or a number, and look it up by that"
    )


def check_names(trial: BaseTrial) -> None:
    """Refused if a trial was asked for a parameter whose name no study can keep."""
    for name in trial.params:
        if not isinstance(name, str):
            raise Refused(f"a parameter's name is text, and {shown(name)} is none")
        if fault := text_fault(name):
            raise Refused(f"the parameter {shown(name)}: {fault}")
        if len(name) > LONGEST:
            raise Refused(
                f"the parameter {shown(name)}: give a name of at most {LONGEST} characters"
            )


@contextmanager
def any_choices(trial: BaseTrial) -> Iterator[None]:
    """Inside, a trial may be asked for choices of any kind: it gets and keeps them as JSON gives
    them back, so that they are the same in a queue and in a later search; its caller does not."""
    ask: Any = trial.suggest_categorical

    def suggest_categorical(name: str, choices: Iterable[Any]) -> Any:
        own = list(choices)
        kept = [plain(choice) for choice in own]
        if any(isinstance(choice, list | dict) for choice in kept):
            unwarned()
        got = ask(name, kept)
        for mine, one in zip(own, kept, strict=True):
            if one is got or (type(one) is type(got) and one == got):
                return one if isinstance(mine, np.generic) else mine
        return got

    vars(trial)["suggest_categorical"] = suggest_categorical
    try:
        yield
    finally:
        del vars(trial)["suggest_categorical"]
