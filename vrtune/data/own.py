"""A user's function that gives train and test data: FILE.py:NAME, or package.module:NAME."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np

from vrtune.data.arrays import KEYS, check_one_target_each, inputs, kept, sample_shape
from vrtune.data.base import Dataset, Outline, Part
from vrtune.data.samples import are_samples, array, first_of, read
from vrtune.data.targets import Targets, Wanted, class_names, targets_of
from vrtune.display.figures import safe
from vrtune.errors import UsageError, VrtuneError, shown
from vrtune.own.files import in_their_words, staying
from vrtune.own.objects import find

FORMS = "(train, test), each (x, y) or a map-style Dataset, or (x_train, y_train, x_test, y_test)"


def load(text: str, data_dir: Path, wanted: Wanted | None = None) -> Dataset:
    """Calls the function, with `data_dir` if it takes that, and reads the training part.

    It returns (train, test), of which each is (x, y) or a map-style Dataset; x_train, y_train,
    x_test, y_test as a tuple; or a dict of these and class_names. What belongs to the test part may
    be a function: it is called when the test part is read. x and y are as in an .npz file.
    """
    source = _Source(text)
    train, test, names = source.parts(source.call(data_dir))
    x, raw = source.arrays(train, "train")
    targets = targets_of(raw, f"y_train of {source.name}", wanted)
    known, notes = class_names(names, targets, f"class_names of {source.name}")
    return Dataset(
        source.name,
        targets.classes,
        source.part(x, raw, targets, "train"),
        lambda: source.part(*source.arrays(test, "test"), targets, "test"),
        notes=targets.notes + notes,
        class_names=known,
        outline_test=None if _is_later(test) else lambda: source.outline(test, targets),
    )


class _Source:
    """A user's function, and its name for sentences."""

    def __init__(self, text: str) -> None:
        self.text = text
        home, _, name = text.rpartition(":")
        self.name = safe(f"{Path(home).name}:{name}")

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, the user's code runs. UsageError says in its words what it raises."""
        try:
            with staying(), redirect_stdout(sys.stderr):  # standard output may be JSON
                yield
        except VrtuneError:
            raise
        except (Exception, SystemExit) as error:
            raise UsageError(
                f"dataset {self.text} raises {in_their_words(error)}: mend it"
            ) from error

    def call(self, data_dir: Path) -> Any:
        """What the function returns."""
        function = find(self.text, "dataset").value
        if not callable(function):
            raise UsageError(f"dataset {self.text} is no function: it is {shown(function)}")
        try:
            parameters = [*inspect.signature(function).parameters.values()]
        except (TypeError, ValueError):  # it is built in
            parameters = []
        for p in parameters:
            several = p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
            if p.name != "data_dir" and p.default is p.empty and not several:
                raise UsageError(
                    f"dataset {self.text} takes {p.name}, which vrtune doesn't know: let it take "
                    "data_dir or nothing, and give the rest defaults"
                )
        with self.running():
            if any(p.name == "data_dir" for p in parameters):
                return function(data_dir=data_dir)
            return function()

    def parts(self, given: Any) -> tuple[Any, Any, np.ndarray | None]:
        """Train, test, and the names of the classes."""
        if isinstance(given, Mapping):
            missing = [key for key in KEYS if key not in given]
            if missing:
                raise UsageError(
                    f"dataset {self.text} gives a dict that lacks {', '.join(missing)}: return one "
                    f"with {', '.join(KEYS)}"
                )
            names = given.get("class_names")
            x, y, x_test, y_test = (given[key] for key in KEYS)
            return (x, y), (x_test, y_test), None if names is None else np.asarray(names)
        match given:
            case (x, y, x_test, y_test):
                return (x, y), (x_test, y_test), None
            case (train, test) if _is_part(train) and (_is_part(test) or _is_later(test)):
                return train, test, _named(train)
        got = shown(given) if given is None or isinstance(given, str) else _described(given)
        raise UsageError(f"dataset {self.text} gives {got}: return {FORMS}")

    def arrays(self, given: Any, part: str) -> tuple[np.ndarray, np.ndarray]:
        """x and targets of a part."""
        given, where = self._called(given), f"the {part} part of {self.name}"
        if are_samples(given):
            return read(given, where, self.running)
        if not _is_part(given):
            raise UsageError(f"{where} is {_described(given)}: give (x, y) or a map-style Dataset")
        x, y = (
            array(self._called(one), f"{what}_{part} of {self.name}")
            for what, one in zip("xy", given, strict=True)
        )
        return x, y

    def part(self, x: np.ndarray, raw: np.ndarray, targets: Targets, part: str) -> Part:
        """A part of arrays."""
        y = targets(raw, f"y_{part} of {self.name}")
        made = inputs(x, f"x_{part} of {self.name}")
        check_one_target_each(len(made), len(y), part, self.name)
        return Part(made, y)

    def outline(self, test: Any, targets: Targets) -> Outline:
        """Of a test part that is there: its shapes, types and targets; of a Dataset, the first
        sample."""
        where = f"x_test of {self.name}"
        if are_samples(test):
            count, first = first_of(test, f"the test part of {self.name}", self.running)
            shape, y = (count, *first.shape), None
        else:
            first = array(test[0], where)
            shape, y = first.shape, targets(array(test[1], where), f"y_test of {self.name}")
        sample, dtype = sample_shape(shape, where), kept(first.dtype, len(shape), where)
        if y is not None:
            check_one_target_each(shape[0], len(y), "test", self.name)
        return Outline(shape[0], sample, dtype, None if y is None else Outline.ends(y))

    def _called(self, given: Any) -> Any:
        """What a function gives; anything else as it is."""
        if not _is_function(given):
            return given
        with self.running():
            return given()


def _is_part(given: Any) -> bool:
    return are_samples(given) or (isinstance(given, tuple | list) and len(given) == 2)


def _is_function(given: Any) -> bool:
    return callable(given) and not are_samples(given) and not hasattr(given, "__array__")


def _is_later(test: Any) -> bool:
    """Whether a function is to be called for the test part."""
    return _is_function(test) or (isinstance(test, tuple | list) and any(map(_is_function, test)))


def _named(train: Any) -> np.ndarray | None:
    """The names that a Dataset of torchvision has for its classes."""
    names = getattr(train, "classes", None)
    whole = isinstance(names, list | tuple) and all(isinstance(name, str) for name in names)
    return np.array(names) if whole and are_samples(train) else None


def _described(given: Any) -> str:
    """What a user returns, in a few words."""
    kind = type(given).__name__
    if not isinstance(given, tuple | list):
        return f"a {kind}"
    kinds = ", ".join(type(one).__name__ for one in given[:4]) + ", ..." * (len(given) > 4)
    return f"{len(given)} values in a {kind} ({kinds})"
