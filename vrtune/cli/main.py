"""The `vrtune` command: joins the commands of this folder."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer

from vrtune.cli.batch_size import batch_size
from vrtune.cli.compare import compare
from vrtune.cli.dashboard import dashboard
from vrtune.cli.delete import delete
from vrtune.cli.diagnose import diagnose
from vrtune.cli.export import export
from vrtune.cli.faults import run
from vrtune.cli.help import WIDTH, Command, Group
from vrtune.cli.list import list_
from vrtune.cli.proxy import proxy
from vrtune.cli.range import range_
from vrtune.cli.replay import replay
from vrtune.cli.report import report
from vrtune.cli.retrain import retrain
from vrtune.cli.search import search
from vrtune.cli.show import show
from vrtune.cli.work import work

app = typer.Typer(
    cls=Group,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vrtune {version('vrtune')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def vrtune(
    context: typer.Context,
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Fair, cheap comparisons of variance-reduced optimizers.

    Tunes a method with K-fold cross-validation, then judges the best setting once on test data.
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


COMMANDS: dict[str, Callable[..., None]] = {
    "search": search,
    "work": work,
    "retrain": retrain,
    "export": export,
    "show": show,
    "compare": compare,
    "report": report,
    "diagnose": diagnose,
    "replay": replay,
    "range": range_,
    "batch-size": batch_size,
    "list": list_,
    "delete": delete,
    "dashboard": dashboard,
    "proxy": proxy,
}
for name, function in COMMANDS.items():
    app.command(name, cls=Command)(function)


def main() -> None:
    """Entry point."""
    run(app)


if __name__ == "__main__":
    main()
