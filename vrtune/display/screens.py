"""Where progress is shown: a live display on a terminal or in a notebook, plain lines elsewhere."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any, NoReturn, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from vrtune.display.sentences import clock, doing, line, note, places, status
from vrtune.display.tally import Tally
from vrtune.events import Event

BAR = 20  # columns, at most
SILENCE_S = 60.0  # after which plain lines say where things are


class Screen(Protocol):
    """Shows a tally."""

    every_s: float  # between two looks at the tally

    def take(self, event: Event, now: float) -> None:
        """Shows an event that the tally has by now."""

    def look(self, now: float) -> None:
        """Shows the tally as it is."""

    def close(self) -> None:
        """Leaves the stream as it was."""


def screen(stream: TextIO, tally: Tally, *, notebook: bool) -> Screen:
    """The one that suits a stream; in a notebook its cell, if that is allowed."""
    console = _Console(file=stream, markup=False, highlight=False, emoji=False)
    if notebook and console.is_jupyter:
        return Cell(tally)
    terminal = on_terminal(stream) and console.is_terminal and not console.is_dumb_terminal
    return Terminal(console, tally) if terminal and os.environ.get("TERM") else Lines(stream, tally)


class Lines:
    """Plain lines: one a trial, and one now and then while nothing else is said."""

    every_s = 1.0

    def __init__(self, stream: TextIO, tally: Tally) -> None:
        self.stream, self.tally = stream, tally
        self.said, self.last = "", tally.began

    def take(self, event: Event, now: float) -> None:
        """Says it, unless that was the last thing to be said."""
        text = line(event)
        if text and text != self.said:
            self._say(text, now)

    def look(self, now: float) -> None:
        """Says what is done, at first and after a silence."""
        if not self.said:
            self._say(doing(self.tally), now)
        elif now - self.last >= SILENCE_S:
            where = "; ".join(places(self.tally)) or doing(self.tally)
            self._say(f"... {where}, {clock(self.tally.elapsed(now))} elapsed", now)

    def close(self) -> None:
        """Nothing is left open."""

    def _say(self, text: str, now: float) -> None:
        self.said, self.last = text, now
        print(_printable(text, self.stream), file=self.stream, flush=True)


class Terminal:
    """A few lines at the bottom of a terminal, which go when all is done; notes stay above."""

    every_s = 0.2

    def __init__(self, console: Console, tally: Tally) -> None:
        self.console, self.tally, self.now = console, tally, tally.began
        ascii_only = not console.encoding.lower().startswith("utf")
        self.spinner = Spinner("line" if ascii_only else "dots")
        self.live = Live(
            console=console,
            get_renderable=self._lines,
            transient=True,
            auto_refresh=False,
            redirect_stdout=on_terminal(sys.stdout),  # what goes to a file is none of ours
            redirect_stderr=on_terminal(sys.stderr),
        )
        self.live.start()

    def take(self, event: Event, now: float) -> None:
        """Notes stay, the rest shows at the next look."""
        if text := note(event):
            self.console.print(_printable(text, self.console.file))

    def look(self, now: float) -> None:
        """Draws the lines anew."""
        self.now = now
        self.live.refresh()

    def close(self) -> None:
        """Takes the lines away."""
        self.live.stop()

    def _lines(self) -> Group:
        share, (beside, below) = self.tally.share(), status(self.tally, self.now)
        first: list[Any] = [self.spinner]
        if share is not None:
            first.append(ProgressBar(1.0, share, width=min(BAR, self.console.width // 4)))
        grid = Table.grid(padding=(0, 1))
        grid.add_row(*first, self._text(beside))
        return Group(grid, *(Padding(self._text(text), (0, 0, 0, 2)) for text in below))

    def _text(self, text: str) -> Text:
        return Text(_printable(text, self.console.file))


class Cell:
    """A text in a notebook's cell, which stays as it was last."""

    every_s = 0.5

    def __init__(self, tally: Tally) -> None:
        display = import_module("IPython.display").display
        self.tally, self.notes, self.shown = tally, list[str](), ""
        self.handle = display({"text/plain": ""}, raw=True, display_id=True)

    def take(self, event: Event, now: float) -> None:
        """Notes stay above."""
        if text := note(event):
            self.notes.append(text)

    def look(self, now: float) -> None:
        """Writes the text anew, if there is another."""
        share, (beside, below) = self.tally.share(), status(self.tally, now)
        bar = "" if share is None else f"{'█' * round(share * BAR):░<{BAR}} "
        text = "\n".join([*self.notes, bar + beside, *below])
        if text != self.shown:
            self.shown = text
            self.handle.update({"text/plain": text}, raw=True)

    def close(self) -> None:
        """The text stays."""


class _Console(Console):
    """One that is not to end the program where its stream is closed."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError


def _printable(text: str, stream: Any) -> str:
    """With what the stream's encoding has not written as escapes."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def on_terminal(stream: Any) -> bool:
    """Whether somebody sees what is written at once."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False
