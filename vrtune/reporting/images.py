"""Figures as images for papers and slides: PNG, SVG or PDF, drawn by Kaleido in a browser."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from PIL import Image

from vrtune.errors import UsageError, VrtuneError, shown
from vrtune.figures.panel import Panel
from vrtune.given.files import make_folder, write
from vrtune.reporting.paper import Paper, on_paper

FORMATS = ("png", "svg", "pdf")
PNG_DPI = 300
SCREEN_DPI = 96


def save_images(
    panels: Mapping[str, Panel],
    folder: Path,
    format: str = "png",
    paper: Paper | None = None,
    *,
    doing: Callable[[str], None] | None = None,
) -> list[Path]:
    """Writes a file a figure, with one browser for all.

    Args:
        panels: the figures by the names of their files.
        folder: where to; made if it is not there.
        format: png, svg or pdf.
        paper: the column that they are for.
        doing: is told what is done.

    Returns:
        The files.

    Raises:
        UsageError: there is no such format.
        VrtuneError: Kaleido or its browser is not installed, or the folder can't be written.
    """
    if format not in FORMATS:
        raise UsageError(f"there is no format {shown(format)}: choose one of {', '.join(FORMATS)}")
    kaleido = check_images()
    make_folder(folder)
    paper = paper or Paper()
    figures = {name: on_paper(panel.figure, paper) for name, panel in panels.items()}
    written: list[Path] = []

    async def draw() -> None:
        async with kaleido.Kaleido(mathjax=False) as browser:
            for name, figure in figures.items():
                if doing:
                    doing(f"drawing {len(written) + 1} of {len(figures)}: {name}")
                image = await browser.calc_fig(figure, opts=_options(figure, format))
                path = folder / f"{name}.{format}"
                write(path, _sized(image) if format == "png" else image)
                written.append(path)

    try:
        with ThreadPoolExecutor(1) as thread:  # as a notebook's has a loop of its own
            thread.submit(asyncio.run, draw()).result()
    except VrtuneError:
        raise
    except Exception as error:  # of the browser, whatever that says
        raise VrtuneError(
            f"the browser that draws images did not do it ({type(error).__name__}): install "
            "Chromium or Chrome (apt install chromium), or write a page with --format html"
        ) from None
    return written


def check_images() -> ModuleType:
    """Kaleido. VrtuneError if it is not installed, before anything is done for it."""
    try:
        import kaleido
    except ImportError:
        raise VrtuneError(
            "images are drawn by Kaleido, which is not installed: pip install 'vrtune[images]', or "
            "write a page with --format html"
        ) from None
    for name in ("kaleido", "choreographer"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return kaleido


def _sized(png: bytes) -> bytes:
    """The same with its resolution, by which papers know its width."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").save(out, "PNG", dpi=(PNG_DPI, PNG_DPI), optimize=True)
    return out.getvalue()


def _options(figure: Mapping[str, Any], format: str) -> dict[str, Any]:
    return {
        "format": format,
        "width": figure["layout"]["width"],
        "height": figure["layout"]["height"],
        "scale": PNG_DPI / SCREEN_DPI if format == "png" else 1,
    }
