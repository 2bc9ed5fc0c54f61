"""How a training ends that the user stops: between two steps, with a word on what is kept."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from vrtune.cli.faults import BY_SIGNAL
from vrtune.events import Stopped
from vrtune.searching.interrupts import interrupts


@contextmanager
def stoppable(kept: str) -> Iterator[Callable[[], bool]]:
    """Whether the user wants to stop, for a training to ask; then the program ends as by the
    signal, so that a loop of the shell ends with it. The second Ctrl-C ends it at once."""
    with interrupts() as stopping:
        try:
            yield stopping
        except (Stopped, KeyboardInterrupt) as error:
            if isinstance(error, Stopped) or stopping():
                typer.echo(f"stopped: {kept}", err=True)
            raise typer.Exit(BY_SIGNAL + (stopping.by or signal.SIGINT)) from None
