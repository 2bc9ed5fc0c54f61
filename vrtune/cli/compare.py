"""vrtune compare: methods side by side, how surely they differ, and what they took to tune."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, AnyTask, Json, Storage, Studies, ToFile
from vrtune.cli.screen import as_json, print_blocks
from vrtune.errors import UsageError
from vrtune.given.files import check_writable, write

if TYPE_CHECKING:
    from vrtune.comparing.compare import Comparison

Format = Literal["text", "markdown", "latex", "csv", "json"]
SUFFIXES: dict[str, Format] = {
    ".md": "markdown",
    ".tex": "latex",
    ".csv": "csv",
    ".json": "json",
    ".txt": "text",
}


def compare(
    studies: Studies = None,
    storage: Storage = DEFAULT_STORAGE,
    format: Annotated[
        Format | None,
        typer.Option(
            metavar="text|markdown|latex|csv|json",
            help="What to write.",
            show_default="by FILE's suffix, or text",
        ),
    ] = None,
    output: ToFile = None,
    pairs: Annotated[
        bool, typer.Option("--pairs", help="All pairs of methods, and no more.")
    ] = False,
    any_task: AnyTask = False,
    rope: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Of a loss: losses that lie closer are practically equal."
        ),
    ] = 0.01,
    json: Json = False,
) -> None:
    """Compare methods as studies tuned them: a table, paired differences, and who won, if any did.

    LaTeX needs the package booktabs.
    """
    if json and format not in (None, "json"):
        raise UsageError(f"--json and --format {format} are two formats: give one")
    if output is not None:
        check_writable(output)
    by_suffix = SUFFIXES.get(output.suffix.lower()) if output else None
    chosen: Format = "json" if json else format or by_suffix or "text"
    with faults(storage):
        from vrtune.comparing.compare import compare as comparing

        found = comparing(*(studies or ()), storage=storage, any_task=any_task, rope=rope)
    if output is None and chosen == "text":
        print_comparison(found, pairs=pairs)
        return
    text = WRITTEN[chosen](found, pairs)
    if output is None:
        typer.echo(text, nl=False)
    else:
        write(output, text)


def print_comparison(found: Comparison, *, pairs: bool = False) -> None:
    """Tables and sentences, as wide as the terminal."""
    print_blocks(lambda width: found.blocks(width, pairs=pairs))


WRITTEN: dict[Format, Callable[[Comparison, bool], str]] = {
    "text": lambda found, pairs: found.text(pairs=pairs) + "\n",
    "markdown": lambda found, pairs: found.markdown(pairs=pairs),
    "latex": lambda found, pairs: found.latex(pairs=pairs),
    "csv": lambda found, pairs: found.csv(pairs=pairs),
    "json": lambda found, pairs: as_json(found.model_dump(mode="json")) + "\n",
}
