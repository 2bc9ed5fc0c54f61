"""vrtune report: studies on one page, or their figures for a paper."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, AnyTask, Storage, Studies
from vrtune.cli.screen import print_lines
from vrtune.display.progress import Listener, shown
from vrtune.errors import UsageError
from vrtune.events import Preparing
from vrtune.given.arguments import read_path
from vrtune.given.files import check_folder, check_writable

if TYPE_CHECKING:
    from vrtune.reporting.report import Report

PAGE, FIGURES = "report.html", "figures"  # where things go unless it is said
Format = Literal["html", "png", "svg", "pdf"]
NARROWEST_CM, WIDEST_CM = 3.0, 100.0
SMALLEST_PT, LARGEST_PT = 3.0, 50.0


def report(
    studies: Studies = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|FOLDER",
            help="Where the page goes; of images the folder.",
            show_default=f"{PAGE}, or {FIGURES}",
        ),
    ] = None,
    format: Annotated[
        Format,
        typer.Option(metavar="html|png|svg|pdf", help="A page, or an image of each figure."),
    ] = "html",
    width: Annotated[
        float, typer.Option(metavar="CM", help="Of an image: that of a paper's column.")
    ] = 8.5,
    font: Annotated[
        float, typer.Option(metavar="PT", help="Of an image: the size of its letters.")
    ] = 8.0,
    any_task: AnyTask = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Write all that studies say together: a table, how sure it is, figures. Needs no network."""
    _within("--width", width, NARROWEST_CM, WIDEST_CM, "centimetres")
    _within("--font", font, SMALLEST_PT, LARGEST_PT, "points")
    began = time.monotonic()
    path = _path(output, format)
    with shown(doing="reading studies") as progress, faults(storage):
        progress(Preparing(text="reading studies"))
        from vrtune.reporting import report as reporting

        if format != "html":
            from vrtune.reporting.images import check_images

            check_images()
        found = reporting.report(*(studies or ()), storage=storage, any_task=any_task)
        written = _written(found, path, format, width, font, progress)
    size = sum(each.stat().st_size for each in written if each.is_file())
    print_lines(
        [
            ("conclusion", found.comparison.conclusion),
            ("page" if format == "html" else "folder", str(path)),
            ("figures", f"{len(found)}, of {_studies(len(found.tuned))}"),
            ("size", f"{size / 1e6:.1f} MB"),
            ("seconds", f"{time.monotonic() - began:.1f}"),
        ]
    )


def _written(
    found: Report, path: Path, format: Format, width: float, font: float, progress: Listener
) -> list[Path]:
    """The files that were written."""

    def doing(text: str) -> None:
        progress(Preparing(text=text))

    if format == "html":
        doing("writing the page")
        return [found.save(path)]
    return found.save_images(path, format, width=width, font=font, doing=doing)


def _studies(number: int) -> str:
    return f"{number} stud{'y' if number == 1 else 'ies'}"


def _path(output: Path | None, format: Format) -> Path:
    """Where to write. UsageError or VrtuneError if that can't be done, before there is work."""
    page = format == "html"
    try:
        path = read_path(output or (PAGE if page else FIGURES))
    except ValueError as error:
        raise UsageError(f"-o: {error}") from None
    if page:
        check_writable(path)
    else:
        check_folder(path)
    return path


def _within(option: str, value: float, least: float, most: float, unit: str) -> None:
    if not (math.isfinite(value) and least <= value <= most):
        raise UsageError(f"{option}: give {least:g} to {most:g} {unit} (got {value:g})")
