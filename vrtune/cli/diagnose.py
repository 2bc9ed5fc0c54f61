"""vrtune diagnose: how much variance a trial's estimate has left."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, DataDir, Device, Json, Storage, Study, Trial
from vrtune.cli.progress import shown
from vrtune.cli.screen import figure, print_lines, print_table, reserved
from vrtune.errors import VrtuneError


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
        from vrtune.diagnosing import figure as variance
        from vrtune.studies.record import load_study, read_record
        from vrtune.studies.storage import open_storage

        record = read_record(load_study(open_storage(storage, create=False), study, storage))
        total = epochs or record.task.epochs
        with shown(trials=None, epochs=total, json=json) as progress, reserved(json):
            found = diagnosing.diagnose(
                study,
                trial,
                storage=storage,
                epochs=epochs,
                intervals=intervals,
                data_dir=data_dir,
                device=device,
                progress=progress,
            )
        path = output or Path(f"{study}-trial-{found.trial}-variance.html")
        title = f"{found.model}, {found.config.estimator.kind}, trial {found.trial}"
        page = variance.draw([(title, found)])
        try:
            page.write_html(path, include_plotlyjs="cdn")
        except OSError as error:
            raise VrtuneError(f"{path} can't be written ({error.strerror}): give -o") from None
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
