"""Progress where it is shown: terminals of all kinds, pipes, notebooks, streams that fail."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from types import ModuleType
from typing import Any

import pytest

from vrtune.display import screens
from vrtune.display.progress import shown, watching
from vrtune.display.screens import Lines
from vrtune.display.tally import Tally
from vrtune.events import (
    Confirming,
    Event,
    Finished,
    Noted,
    Planned,
    Preparing,
    Retraining,
    RoundEnded,
    Stepped,
)

EVENTS: list[Event] = [
    Preparing(text="reading digits"),
    Planned(text="as planned", trials=8, epochs=9),
    Stepped(trial=0, epoch=1, step=3, steps=10),
    RoundEnded(running=2, lanes=8),
    Finished(number=0, state="complete", value=0.5, epoch=9, params={"lr": 0.1}),
    Finished(number=1, state="pruned", value=0.1, epoch=2, params={"größe": 1e-5}),
    Noted(text="mind\x1b[2J this"),
    Finished(number=4, state="put back"),
    *(Confirming(trial=0, epoch=n, time=1, times=2) for n in range(3)),
    *(Confirming(trial=0, epoch=n, time=2, times=2) for n in range(3)),
    *(Retraining(epoch=n, doing="training the best again" * (n == 0)) for n in range(3)),
]
LINES = [
    "starting",
    "reading digits",
    "as planned",
    "trial 0    complete  0.5      epoch 9    lr=0.1  0.0 s",
    "trial 1    pruned    0.1      epoch 2    größe=1e-05  0.0 s",
    r"mind\x1b[2J this",
    "trial 4    put back",
    "judging trial 0 again on fresh starts (1 of 2)",
    "judging trial 0 again on fresh starts (2 of 2)",
    "training the best again",
]


class Stream(io.TextIOWrapper):
    """A stream in memory, or one that turns bad after so many characters."""

    def __init__(self, encoding: str = "utf-8", *, terminal: bool, last: int | None = None) -> None:
        super().__init__(io.BytesIO(), encoding, write_through=True)
        self.terminal, self.last = terminal, last

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        if self.last is not None:
            self.last -= len(text)
            if self.last < 0:
                raise BrokenPipeError
        return super().write(text)

    @property
    def said(self) -> str:
        return self.buffer.getvalue().decode(self.encoding)  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)


def streams(monkeypatch: pytest.MonkeyPatch, *given: Any, **named: Any) -> tuple[Stream, Stream]:
    """Standard output and standard error."""
    made = Stream(*given, **named), Stream(*given, **named)
    monkeypatch.setattr(sys, "stdout", made[0])
    monkeypatch.setattr(sys, "stderr", made[1])
    return made


# ---- pipes -------------------------------------------------------------------------------------


def test_a_pipe_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=False)
    with shown() as take:
        for event in EVENTS:
            take(event)
    assert out.said.splitlines() == LINES


def test_the_first_line_comes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=False)
    with shown(doing="reading mnist"):
        assert out.said == "reading mnist\n"


def test_a_line_comes_when_its_event_does(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=False)
    with shown() as take:
        take(Noted(text="now"))
        until = time.monotonic() + 10
        while "now" not in out.said and time.monotonic() < until:
            time.sleep(0.01)
        assert "now" in out.said


def test_a_silence_is_broken_once_a_minute() -> None:
    out = Stream(terminal=False)
    tally = Tally(0.0, "reading mnist", Planned(text=""))
    lines = Lines(out, tally)

    def take(event: Event, now: float) -> None:
        tally.take(event, now)
        lines.take(event, now)

    for now in range(200):
        if now == 70:
            take(Planned(text="as planned", trials=3, epochs=20), now)
        if now > 70:
            take(Stepped(trial=3, epoch=7, step=now, steps=1500), now)
        lines.look(now)
    assert out.said.splitlines() == [
        "reading mnist",
        "... reading mnist, 1:00 elapsed",
        "as planned",
        "... trial 3: epoch 7 of 20, step 130 of 1,500, 2:10 elapsed",
        "... trial 3: epoch 7 of 20, step 190 of 1,500, 3:10 elapsed",
    ]


def test_a_stream_that_writes_ascii_alone_gets_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, "ascii", terminal=False)
    with shown() as take:
        for event in EVENTS:
            take(event)
    assert r"gr\xf6\xdfe=1e-05" in out.said
    assert len(out.said.splitlines()) == len(LINES)


def test_json_leaves_both_streams_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = streams(monkeypatch, terminal=False)
    with shown(json=True) as take:
        for event in EVENTS:
            take(event)
    assert (out.said, err.said) == ("", "")


# ---- terminals ---------------------------------------------------------------------------------


@pytest.mark.parametrize("json", [False, True])
def test_a_terminal_gets_a_live_display_from_the_first_moment(
    json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = streams(monkeypatch, terminal=True)
    used, unused = (err, out) if json else (out, err)
    with shown(json=json, doing="reading mnist") as take:
        assert "reading mnist, 0:00 elapsed" in used.said
        for event in EVENTS[:6]:
            take(event)
        until = time.monotonic() + 10
        while "best 0.5 (trial 0)" not in used.said and time.monotonic() < until:
            time.sleep(0.01)
    assert "2 of 8 trials, 0:0" in used.said
    assert "1 complete, 1 pruned, best 0.5 (trial 0)" in used.said
    assert "as planned\n" in used.said.replace("\r", "")
    assert "\x1b[?25h" in used.said  # the cursor is there again
    assert (unused.said, sys.stdout, sys.stderr) == ("", out, err)


def test_notes_stay_above_it_and_are_safe(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=True)
    with shown() as take:
        take(Noted(text="mind\x1b[2J this [bold]"))
        print("printed meanwhile")
    assert r"mind\x1b[2J this [bold]" in out.said
    assert "\x1b[2J" not in out.said
    assert "printed meanwhile" in out.said


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_moves_no_cursor_gets_plain_lines(
    term: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = streams(monkeypatch, terminal=True)
    monkeypatch.setenv("TERM", term)
    with shown() as take:
        for event in EVENTS:
            take(event)
    assert out.said.splitlines() == LINES


def test_without_unicode_or_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, "ascii", terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    with shown() as take:
        take(Planned(text="größe", trials=2, epochs=1))
        take(Finished(number=0, state="complete", value=0.5))
    assert r"gr\xf6\xdfe" in out.said
    assert "----------" in out.said
    assert "\x1b[3" not in out.said


@pytest.mark.parametrize("columns", [12, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=True)
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm-mono")
    monkeypatch.setenv("NO_COLOR", "1")
    with shown() as take:
        take(Planned(text="", trials=30, epochs=20))
        take(Planned(text="as planned", trials=30, epochs=20))
        for worker in range(6):
            take(Stepped(trial=10**6 + worker, epoch=1, step=2, steps=1500, worker=worker))
    drawn = screens.Text.from_ansi(out.said.replace("\r", "\n")).plain
    assert max(map(len, drawn.splitlines())) <= columns


# ---- from Python -------------------------------------------------------------------------------


def test_python_gets_it_on_standard_error(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = streams(monkeypatch, terminal=False)
    with watching(True) as take:
        for event in EVENTS:
            take(event)
    assert err.said.splitlines() == LINES
    assert out.said == ""


@pytest.mark.parametrize("off", [False, None])
def test_progress_can_be_switched_off(off: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = streams(monkeypatch, terminal=True)
    with watching(off) as take:
        for event in EVENTS:
            take(event)
    assert (out.said, err.said) == ("", "")


def test_a_function_of_the_callers_hears_all_and_may_fail() -> None:
    heard: list[Event] = []
    with watching(heard.append) as take:
        for event in EVENTS:
            take(event)
    assert heard == EVENTS

    def fail(event: Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), watching(fail) as take:
        take(EVENTS[0])


def test_a_notebook_gets_a_text_in_its_cell(monkeypatch: pytest.MonkeyPatch) -> None:
    texts: list[str] = []

    class Handle:
        def update(self, bundle: dict[str, str], raw: bool) -> None:
            assert raw
            texts.append(bundle["text/plain"])

    ipython = ModuleType("IPython.display")
    ipython.display = lambda bundle, raw, display_id: Handle()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", ipython)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    _, err = streams(monkeypatch, terminal=False)
    with watching(True) as take:
        for event in EVENTS[:7]:
            take(event)
    assert texts[0] == "starting, 0:00 elapsed"
    *notes, beside, outcome = texts[-1].splitlines()
    assert notes == ["as planned", r"mind\x1b[2J this"]
    assert beside.startswith("█████░░░░░░░░░░░░░░░ 2 of 8 trials, 0:0")
    assert outcome == "1 complete, 1 pruned, best 0.5 (trial 0)"
    assert err.said == ""


# ---- streams that fail -------------------------------------------------------------------------


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("last", [0, 12, 300])
def test_a_stream_that_turns_bad_ends_the_showing_alone(
    terminal: bool, last: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, err = streams(monkeypatch, terminal=terminal, last=last)
    with shown() as take:
        for event in EVENTS * 20:
            take(event)
    assert (sys.stdout, sys.stderr) == (out, err)


def test_a_closed_stream_or_none_is_no_reason_to_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=True)
    out.close()
    for stream in (out, None):
        monkeypatch.setattr(sys, "stdout", stream)
        monkeypatch.setattr(sys, "stderr", stream)
        for json in (False, True):
            with shown(json=json) as take:
                take(EVENTS[0])
        with watching(True) as take:
            take(EVENTS[0])


def test_what_is_shown_hides_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    out, _ = streams(monkeypatch, terminal=False)
    with pytest.raises(ZeroDivisionError), shown() as take:
        take(EVENTS[0] if 1 / 0 else EVENTS[1])
    assert out.said.splitlines() == LINES[:1]


def test_nothing_heavy_is_imported_to_show_it() -> None:
    heavy = "{'torch', 'optuna', 'IPython', 'numpy'}"
    code = f"import sys, vrtune.display.progress; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n"
