"""How a command ends when something is wrong: one sentence on standard error, no traceback."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import typer
from typer.core import TyperGroup

from vrtune.errors import VrtuneError

# Typer carries its own copy of click in newer versions, and names no base of its usage errors.
WrongUsage = cast(type[Exception], typer.BadParameter.__mro__[1])


class Commands(TyperGroup):
    """All commands: foreseeable faults become one sentence and an exit status."""

    def main(self, *args: Any, **kwargs: Any) -> NoReturn:
        try:
            status = super().main(*args, **{**kwargs, "standalone_mode": False})
        except VrtuneError as error:
            status = _complain(str(error), error.exit_code)
        except WrongUsage as error:
            status = _complain(_usage(error), 2)
        except (KeyboardInterrupt, typer.Abort):
            status = 130
        sys.exit(status or 0)


@contextmanager
def faults(url: str) -> Iterator[None]:
    """Turns what escapes a storage into one sentence, and keeps its password out of all of them."""
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import SQLAlchemyError

    from vrtune.studies.storage import unreadable

    try:
        yield
    except VrtuneError as error:
        raise type(error)(str(error).replace(url, public(url))) from error
    except (SQLAlchemyError, StorageInternalError) as error:
        raise unreadable(public(url), error) from error


def public(url: str) -> str:
    """A storage URL without its password."""
    url = re.sub(r"(://[^:/]*):.*@", r"\1:***@", url)
    return re.sub(r"(password=)[^&]*", r"\1***", url)


def _usage(error: Any) -> str:
    """What Typer has to say, in the form of vrtune's own sentences."""
    said = error.format_message().strip().rstrip(".").replace("Value error, ", "")
    said = said.replace(". Did you mean", ", did you mean")
    command = getattr(error.ctx, "command_path", "vrtune")
    return f"{said[:1].lower()}{said[1:]} (see {command} -h)"


def _complain(sentence: str, status: int) -> int:
    typer.echo(f"error: {' '.join(sentence.split())}", err=True)
    return status
