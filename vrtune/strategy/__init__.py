"""What to try next and what to give up: a sampler and a pruner for Optuna, whose state is all in
the study."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vrtune.strategy.auto import AutoSampler, together
    from vrtune.strategy.folds import FoldsPruner

__all__ = ["AutoSampler", "FoldsPruner", "together"]

_HOMES = {"AutoSampler": "auto", "FoldsPruner": "folds", "together": "auto"}


def __getattr__(name: str) -> Any:
    """Read when first asked for: who only reads curves needs no Gaussian process."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
