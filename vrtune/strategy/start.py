"""What a sampler is given to start with: a setting, points of a grid, a seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

from vrtune.errors import UsageError

Setting = dict[str, Any]


def is_whole(given: Any, least: int) -> bool:
    """Whether something is a whole number, of NumPy too, and not less than that."""
    return isinstance(given, Integral) and not isinstance(given, bool) and int(given) >= least


def read_start(
    default: Mapping[str, Any] | None, grid: Sequence[Mapping[str, Any]] | None, seed: int | None
) -> tuple[Setting, list[Setting]]:
    """The default setting, empty for none, and the points. UsageError for what is none, and for
    a seed that is no whole number."""
    if seed is not None and not is_whole(seed, 0):
        raise UsageError(f"AutoSampler has seed={seed!r}: give a whole number, 0 or more")
    points = _settings([{} if default is None else default], "default")
    return points[0], _settings(() if grid is None else grid, "grid")


def _settings(given: Any, where: str) -> list[Setting]:
    points = list(given) if isinstance(given, Sequence) else [given]
    for point in points:
        if not isinstance(point, Mapping) or not all(isinstance(name, str) for name in point):
            raise UsageError(
                f"AutoSampler has {point!r} in {where}: give a dict of names and values"
            )
    return [dict(point) for point in points]
