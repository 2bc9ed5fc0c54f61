"""A training that the user stops: what is said, and how the program ends."""

from __future__ import annotations

import os
import signal

import pytest
import typer

from vrtune.cli.stopping import stoppable
from vrtune.events import Stopped

pytestmark = pytest.mark.usefixtures("hears_signals")

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def train(number: signal.Signals, times: int) -> None:
    """What a command does that gets so many signals."""
    with stoppable("all but this") as stopping:
        assert not stopping()
        for _ in range(times):
            os.kill(os.getpid(), number)
        assert times == 1, "the second ends it here"
        assert stopping()
        raise Stopped


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_it_ends_between_two_steps(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end:
        train(number, times=1)
    assert end.value.exit_code == 128 + number
    assert capsys.readouterr().err == "stopped: all but this\n"


def test_the_second_ctrl_c_ends_it_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end:
        train(signal.SIGINT, times=2)
    assert end.value.exit_code == 130
    assert capsys.readouterr().err == "stopped: all but this\n"


def test_what_ends_by_itself_is_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    with stoppable("all but this"):
        pass
    with pytest.raises(ValueError, match="other"), stoppable("all but this"):
        raise ValueError("other")
    assert capsys.readouterr().err == ""
