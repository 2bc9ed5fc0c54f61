"""Python's garbage collection, kept from looking through what a search imports."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[Callable[[], None]]:
    """No garbage collection until the function that is given is called, and from then on none of
    what there was by that time: libraries are no garbage, and looking through them takes long.
    Things are as before at the end.
    """
    if not gc.isenabled():
        yield lambda: None
        return
    # the caller's own, or those of a search that this one is part of
    frozen = gc.get_freeze_count()
    gc.disable()

    def imported() -> None:
        gc.freeze()
        gc.enable()

    try:
        yield imported
    finally:
        if not frozen:
            gc.unfreeze()
        gc.enable()
