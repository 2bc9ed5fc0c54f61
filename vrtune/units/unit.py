"""A unit: settings of one part of a method, and what runs them."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Literal,
    Union,
    get_args,
    get_origin,
)

from vrtune.config import Settings
from vrtune.errors import UsageError

if TYPE_CHECKING:
    pass


enrolments: list[type[Unit]] = []  # in the order in which they were made


class Unit(Settings):
    """Settings of one part of a method, and what runs them. `kind` names it in JSON.

    Numbers (and tuples of so many numbers) are hyperparameters: tensors [L, 1], one value a lane.
    Any other setting, such as a word, is an argument of the algorithm's constructor; lanes that
    differ in one are trained apart.
    """

    role: ClassVar[str]
    base: ClassVar[str]  # the class that algorithms of the role derive from
    enrolled: ClassVar[dict[str, type[Unit]]]  # by kind: whatever is here can be run
    algorithm: ClassVar[type[Any]]
    of_weights: ClassVar[bool] = True  # the algorithm's constructor is given them

    if TYPE_CHECKING:

        @property
        def kind(self) -> str: ...

    @classmethod
    def enrol(cls, algorithm: type[Any]) -> None:
        """Joins the settings with the algorithm that runs them. UsageError if that can't work.

        Of two units of one kind the last is known by it; vrtune's own keep theirs.
        """
        kind = cls._kind()
        other = cls.enrolled.get(kind)
        if other is not None and _clash(other, cls):
            raise UsageError(
                f"there are two {cls.role}s of kind {kind!r}, {_where(other)} and {_where(cls)}: "
                "give one of them another kind"
            )
        runs = vars(cls).get("algorithm")
        if runs is not None and _where(runs) != _where(algorithm):
            raise UsageError(
                f"{_where(runs)} runs {cls.__name__} already: give {_where(algorithm)} settings of "
                "its own"
            )
        cls._check(algorithm)
        cls.algorithm = algorithm
        cls.enrolled[kind] = cls
        enrolments.append(cls)

    @classmethod
    def _kind(cls) -> str:
        field = cls.model_fields.get("kind")
        if field is None or not isinstance(field.default, str):
            raise UsageError(f'{cls.__name__} has no name: give it kind: Literal["..."] = "..."')
        return field.default

    @classmethod
    def _check(cls, algorithm: type[Any]) -> None:
        """UsageError if the algorithm lacks a method, or its constructor does not fit."""
        role = next(base for base in cls.__mro__ if "enrolled" in vars(base))
        for name in cls.model_fields:
            if name not in role.model_fields and hasattr(role, name):  # type: ignore[attr-defined]
                raise UsageError(f"{cls.__name__}.{name} has a meaning of its own: rename it")
        for name in dir(algorithm):
            method = inspect.getattr_static(algorithm, name, None)
            if getattr(method, "__isabstractmethod__", False):
                raise UsageError(f"{algorithm.__name__} can't run: define its {name}")
        if algorithm is cls:
            return
        words = cls.words_of(cls.model_fields)
        given = ["weights"] * cls.of_weights + words
        try:
            signature = inspect.signature(algorithm)
            signature.bind(*[None] * cls.of_weights, **dict.fromkeys(words))
        except TypeError as error:
            raise UsageError(
                f"{algorithm.__name__} can't be made ({error}): its __init__ is to take "
                f"{', '.join(given) or 'nothing'}; settings that are numbers come in hp"
            ) from None

    @classmethod
    def words_of(cls, fields: Iterable[str]) -> list[str]:
        """Those of the fields that are no numbers."""
        return [
            name
            for name in fields
            if name != "kind" and not _is_number(cls.model_fields[name].annotation)
        ]

    def words(self) -> dict[str, Any]:
        """The settings that are no numbers, by name."""
        return {name: getattr(self, name) for name in self.words_of(type(self).model_fields)}

    def numbers(self) -> dict[str, list[float]]:
        """The numeric settings, by name; a tuple keeps all its numbers."""
        left_out = {"kind", *self.words_of(type(self).model_fields)}
        values = {n: getattr(self, n) for n in type(self).model_fields if n not in left_out}
        return {
            name: [float(v) for v in value] if isinstance(value, tuple) else [float(value)]
            for name, value in values.items()
            if value is not None  # an lr that the estimator sets
        }


def _is_number(annotation: Any) -> bool:
    """Whether a field of this type is a hyperparameter: a number, or a tuple of so many."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _is_number(parts[0])
    if origin in (Union, UnionType):
        return all(map(_is_number, parts))
    if origin is Literal:
        return all(isinstance(value, int | float) for value in parts)
    if origin is tuple:
        return bool(parts) and all(map(_is_number, parts))
    return isinstance(annotation, type) and issubclass(annotation, int | float)


def _clash(one: type, other: type) -> bool:
    """Whether two classes can't have one kind: the other is vrtune's own, or of the same file. A
    notebook's classes are defined again and again."""
    if _where(one) == _where(other) or one.__module__ == "__main__":
        return False
    return one.__module__.startswith("vrtune.") or one.__module__ == other.__module__


def _where(unit: type) -> str:
    return f"{unit.__module__}.{unit.__qualname__}"
