"""What a shell completes: names of studies, search spaces and choices. Silent on errors."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, get_args, get_origin

import typer


def studies(context: typer.Context) -> list[str]:
    """Those of the storage that is given before, or else the usual one."""
    found: list[str] = []
    with suppress(Exception):
        from vrtune.storages.opening import DEFAULT_URL, open_to_read
        from vrtune.storages.quiet import quiet

        with quiet():
            storage = open_to_read(context.params.get("storage") or DEFAULT_URL)
            found = [study.study_name for study in storage.get_all_studies()]
    return _typed(found)


def spaces() -> list[str]:
    """Those that have names."""
    from vrtune.spaces import names

    return _typed(sorted(names()))


def inits() -> list[str]:
    """Yours and vrtune's."""
    return _beside("init")


def penalties() -> list[str]:
    """Yours and vrtune's."""
    return _beside("penalty")


def averages() -> list[str]:
    """Yours and vrtune's."""
    return _beside("average")


def models() -> list[str]:
    """Those of vrtune."""
    from vrtune.models import MODELS

    return [*MODELS]


def datasets() -> list[str]:
    """Those that have names."""
    from vrtune.data import DATASETS

    return [*DATASETS]


def losses() -> list[str]:
    """Those of vrtune."""
    from vrtune.objectives import LOSSES

    return ["auto", *LOSSES]


def metrics() -> list[str]:
    """Those of vrtune."""
    from vrtune.objectives import METRICS

    return ["loss", *METRICS]


def class_weights() -> list[str]:
    """The words; numbers are typed."""
    return ["none", "balanced"]


def choices(name: str, kind: Any) -> Callable[[], list[str]] | None:
    """What completes the option of a field; None for one that may be anything."""
    if name in NAMES:
        return NAMES[name]
    found = [str(word) for word in get_args(kind)] if get_origin(kind) is Literal else []
    return (lambda: found) if found else None


NAMES = {
    "init": inits,
    "penalty": penalties,
    "average": averages,
    "model": models,
    "dataset": datasets,
    "loss": losses,
    "metric": metrics,
    "class_weights": class_weights,
}


def _beside(role: str) -> list[str]:
    from vrtune.spaces.found import names_beside

    return _typed(sorted(names_beside(role)))


def _typed(names: list[str]) -> list[str]:
    """Names that can be typed: a shell would run or break others."""
    return [name for name in names if name.isprintable() and not name.startswith("-")]
