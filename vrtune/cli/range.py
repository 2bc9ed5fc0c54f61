"""vrtune range: the training loss while the learning rate rises."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from vrtune.cli.completion import spaces
from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Device, Json, with_options
from vrtune.cli.screen import as_json, print_lines, print_table, reserved
from vrtune.cli.stopping import stoppable
from vrtune.config import Task
from vrtune.display.progress import shown
from vrtune.given.names import folder_name
from vrtune.ranging.settings import HIGHEST, LOWEST, STEPS, check_rates


@partial(with_options, without={"epochs", "patience", "average", "metric"})
def range_(
    space: Annotated[
        str,
        typer.Argument(
            metavar="SPACE",
            help="Search space, whose DEFAULT is trained: a name (vrtune list spaces) or a .py "
            "file.",
            autocompletion=spaces,
        ),
    ],
    lowest: Annotated[float, typer.Option(help="Learning rate of the first step.")] = LOWEST,
    highest: Annotated[float, typer.Option(help="Learning rate of the last step.")] = HIGHEST,
    steps: Annotated[int, typer.Option(help="Steps on each fold, 20 or more.")] = STEPS,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where the figure (.html, .png, .svg, .pdf) or the numbers (.json, .csv) go.",
            show_default="SPACE-DATASET-MODEL-range.html",
        ),
    ] = None,
    data_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where data sets lie, or are downloaded to.")
    ] = Path("data"),
    device: Device = "auto",
    *,
    task: Task,
    json: Json = False,
) -> None:
    """Find a range for the learning rate: the loss of one short run in which it rises.

    Each fold trains once at the space's DEFAULT; nothing is kept, and no test data are read. A
    search goes over the range that the space's file gives: narrow it in a copy of your own.
    """
    with faults(DEFAULT_STORAGE):
        check_rates(lowest, highest, steps)
        with shown(doing="loading PyTorch", json=json) as progress, reserved(json):
            from vrtune.ranging import range_test as ranging
            from vrtune.ranging.result import check_path
            from vrtune.studies.naming import default_name

            path = output or Path(f"{folder_name(default_name(Path(space).stem, task))}-range.html")
            path = path.expanduser()
            check_path(path)
            with stoppable("nothing is kept of a range test") as stopping:
                found = ranging.range_test(
                    space,
                    task,
                    lowest=lowest,
                    highest=highest,
                    steps=steps,
                    data_dir=data_dir,
                    device=device,
                    progress=progress,
                    stopping=stopping,
                )
        found.save(path)
    if json:
        typer.echo(as_json(found.model_dump(mode="json") | {"suggested": found.suggested}))
        return
    columns, *rows = found.table
    print_table(columns, rows)
    print_lines([*found.sentences, ("written", str(path))])
