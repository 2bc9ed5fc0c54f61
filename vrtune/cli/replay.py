"""vrtune replay: a recorded trial, trained again and held against its record."""

from __future__ import annotations

from typing import Annotated

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, DataDir, Json, Storage, Study, Trial
from vrtune.cli.screen import as_json, print_lines, reserved
from vrtune.cli.stopping import stoppable
from vrtune.display.progress import shown
from vrtune.given.arguments import Device

DIFFERS = 1  # the exit status, as diff's


def replay(
    study: Study,
    trial: Trial = None,
    storage: Storage = DEFAULT_STORAGE,
    data_dir: DataDir = None,
    device: Annotated[
        Device | None,
        typer.Option(
            metavar="auto|cpu|cuda|cuda:N|mps",
            help="Where to train.",
            show_default="as the trial was",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Train a recorded trial again, and compare each fold's value of each epoch with the record.

    Exit status 0 says that all are the same to the last bit, 1 that some differ: where they part,
    by how much, and whether rounding explains it. Nothing is written.
    """
    kept = "nothing is kept of this training"
    with shown(doing="loading PyTorch", json=json) as progress, reserved(json), faults(storage):
        from vrtune.replaying import replay as replaying

        with stoppable(kept) as stopping:
            found = replaying.replay(
                study,
                trial,
                storage=storage,
                device=device,
                data_dir=data_dir,
                progress=progress,
                stopping=stopping,
            )
    if json:
        typer.echo(as_json(found.model_dump(mode="json")))
    else:
        print_lines(found.sentences)
    if not found.same:
        raise typer.Exit(DIFFERS)
