"""How the program ends when something is wrong: one sentence on standard error, no traceback."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from vrtune.errors import VrtuneError, brief, unwarned
from vrtune.storages.secrets import public as public
from vrtune.storages.secrets import without_secrets

# Typer carries its own copy of click in newer versions, and names no base of its usage errors.
WrongUsage = cast(type[Exception], typer.BadParameter.__mro__[1])
BY_SIGNAL = 128  # and its number: the status of a program that a signal ended
BROKEN_PIPE = BY_SIGNAL + 13
OUTSIDE = {  # errors of disks, rights and limits
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EACCES", "EPERM", "EROFS", "EIO", "EMFILE", "ENAMETOOLONG")
    if hasattr(errno, name)
}
MEMORY = "the memory is used up: give fewer --jobs, --lanes or a smaller --batch-size"


class Commands(TyperGroup):
    """All commands: foreseeable faults become one sentence and an exit status."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        given = next(iter(args), None) or kwargs.get("args") or sys.argv[1:]

        def complain(sentence: str, status: int = 1) -> int:
            return _complain(_clean(sentence, given), status)

        try:
            status = super().main(*args, **{**kwargs, "standalone_mode": False})
        except VrtuneError as error:
            status = complain(str(error), error.exit_code)
        except WrongUsage as error:
            status = complain(_usage(error), 2)
        except (KeyboardInterrupt, typer.Abort):
            status = BY_SIGNAL + signal.SIGINT
        except MemoryError:
            status = complain(MEMORY)
        except RecursionError:
            status = complain("something given is nested too deeply: give it flatter")
        except Exception as error:  # a fault of ours, but for those of the surroundings
            status = _unheard()
            if not status and isinstance(error, OSError) and error.errno in OUTSIDE:
                what = error.filename or "a file"
                status = complain(f"{what} can't be used ({error.strerror})")
            elif not status and isinstance(error, ImportError) and "map segment" in str(error):
                status = complain(MEMORY)  # a library of PyTorch found no room
            elif not status:
                print(_clean(traceback.format_exc(), given), end="", file=sys.stderr)
                status = 1
        sys.exit(status or 0)


def run(app: Callable[..., object]) -> NoReturn:
    """The program: what it writes always ends well, and so does it."""
    if not _streams():
        _complain("standard output is closed: open it, or send it to /dev/null", 1)
        sys.exit(1)
    try:
        app(prog_name="vrtune")
        status: Any = 0
    except SystemExit as end:
        status = end.code
    _end(_unheard() or status)


@contextmanager
def faults(url: str) -> Iterator[None]:
    """Turns what escapes a storage into one sentence, and keeps its password out of all of them."""
    unwarned()
    try:
        yield
    except Exception:
        from vrtune.storages.faults import faults as told  # Optuna is imported where it is needed

        with told(url):
            raise


class _Raw(io.FileIO):
    """A standard stream that remembers why it could not be written."""

    fault: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except OSError as error:
            self.fault = error
            raise


def _streams() -> bool:
    """Makes standard streams that take every character; whether there is an output to write to."""
    heard = sys.stdout is not None
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:  # closed: no other file shall get its place
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115
        elif number:
            raw = _Raw(stream.fileno(), "w", closefd=False)
            new = io.TextIOWrapper(
                io.BufferedWriter(raw),
                stream.encoding,
                "backslashreplace",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, new)
    return heard


def _unheard() -> int:
    """What to end with where standard output or error can't be written; else 0."""
    status = 0
    for stream in (sys.stderr, sys.stdout):
        with suppress(OSError):
            stream.flush()
        raw: Any = getattr(getattr(stream, "buffer", None), "raw", None)
        fault: OSError | None = getattr(raw, "fault", None)
        if fault:
            raw.fault = None
            silent = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silent, stream.fileno())  # what is left in it would fail once more at the end
            os.close(silent)
            status = BROKEN_PIPE  # as of `| head`, which has seen enough
            if fault.errno != errno.EPIPE:
                status = _complain(f"standard output can't be written ({fault.strerror})", 1)
    return status


def _end(status: Any) -> NoReturn:
    """Ends the program; by the signal that stopped it, so that a shell stops its loop, too."""
    by = status - BY_SIGNAL if isinstance(status, int) else 0
    if by in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(by, signal.SIG_DFL)
        os.kill(os.getpid(), by)
    sys.exit(status)


def _clean(text: str, given: Sequence[str]) -> str:
    """Text without the passwords of what was given, wherever in the command that was."""
    for argument in given:
        value = argument.partition("=")[2] if argument.startswith("-") else argument
        if ":" in value or "=" in value:
            text = without_secrets(text, value)
    return text


def _usage(error: Any) -> str:
    """What Typer has to say, in the form of vrtune's own sentences."""
    said = error.format_message().strip().rstrip(".").replace("Value error, ", "")
    said = said.replace(". Did you mean", ", did you mean")
    command = getattr(error.ctx, "command_path", "vrtune")
    return f"{said[:1].lower()}{said[1:]} (see {command} -h)"


def _complain(sentence: str, status: int) -> int:
    with suppress(OSError):  # nobody hears it
        print(f"error: {brief(sentence, 2000)}", file=sys.stderr)
    return status
