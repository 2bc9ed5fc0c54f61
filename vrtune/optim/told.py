"""Settings of units as they are told: themselves, or plain data as JSON and YAML have it."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import ValidationError

from vrtune.errors import UsageError, chosen, explain, shown
from vrtune.units import Unit

U = TypeVar("U", bound=Unit)


def settings_of(role: type[U], told: Any) -> U:
    """Settings of a role; UsageError where they are none, or none that can be run."""
    if isinstance(told, dict) and isinstance(kind := told.get("kind"), str):
        unit: Any = chosen(role.enrolled, kind, role.role)
        return made(unit, **told)
    if not isinstance(told, role):
        some = next(iter(role.enrolled.values())).__name__
        raise UsageError(
            f"{shown(told)} is no {role.role}: give settings, such as vrtune.{some}, or a "
            "dictionary of them with its kind"
        )
    if "algorithm" not in vars(type(told)):
        name = type(told).__name__
        raise UsageError(
            f"{name} has settings only: derive from {role.base}, with settings = {name}"
        )
    return told


def made(unit: type[U], **values: Any) -> U:
    """A unit's settings; UsageError in place of pydantic's error."""
    try:
        return unit(**values)
    except ValidationError as error:
        raise UsageError(explain(error)) from None
