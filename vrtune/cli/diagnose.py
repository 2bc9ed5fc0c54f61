"""vrtune diagnose: how much variance a trial's estimate has left."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, DataDir, Device, Json, Storage, Study, Trial
from vrtune.cli.screen import figure, print_lines, print_table, reserved
from vrtune.cli.stopping import stoppable
from vrtune.display.progress import shown
from vrtune.given.files import check_writable, write
from vrtune.given.names import folder_name


def diagnose(
    study: Study,
    trial: Trial = None,
    epochs: Annotated[
        int | None, typer.Option(help="Epochs of the training.", show_default="the study's")
    ] = None,
    intervals: Annotated[
        int, typer.Option(help="Intervals between snapshots to measure, spread over the run.")
    ] = 10,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="Where the figure goes."),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    data_dir: DataDir = None,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train a trial again and measure the variance of its estimate between snapshots."""
    with faults(storage):
        from vrtune.diagnosing import diagnose as diagnosing
        from vrtune.figures import variance
        from vrtune.reporting.page import figures_page
        from vrtune.storages.opening import open_to_read
        from vrtune.studies.record import find_trial, load_study

        opened = load_study(open_to_read(storage), study, storage)
        number = find_trial(opened, trial).number
        path = output or Path(f"{folder_name(study)}-trial-{number}-variance.html")
        path = Path(os.path.expanduser(path))  # of a user who is not there, too
        check_writable(path)
        with (
            stoppable("nothing is kept of this training") as stopping,
            shown(doing=f"measuring trial {number}", json=json) as progress,
            reserved(json),
        ):
            found = diagnosing.diagnose(
                study,
                number,
                storage=storage,
                epochs=epochs,
                intervals=intervals,
                data_dir=data_dir,
                device=device,
                progress=progress,
                stopping=stopping,
            )
        title = f"{found.model}, {found.config.estimator.kind}, trial {found.trial}"
        drawn = variance.compute(found, title)
        write(path, figures_page(title, variance.draw(drawn) if drawn else []))
    if json:
        typer.echo(found.model_dump_json())
        return
    columns = ("epoch", "way", "ratio", "distance", "curvature", "gradient norm")
    rows = [
        (f"{r.epoch:.2f}", f"{r.share:.0%}", r.ratio, r.distance, r.curvature, r.gradient_norm)
        for r in found.readings
    ]
    print_table(columns, rows)
    print_lines([("gradient quotient", figure(found.gradient_quotient)), ("figure", str(path))])
