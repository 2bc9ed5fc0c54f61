"""vrtune work: trains trials of a study that a search has opened, on this machine or another."""

from __future__ import annotations

from signal import SIGINT
from typing import Annotated

import typer

from vrtune.cli.faults import BY_SIGNAL, faults
from vrtune.cli.options import DEFAULT_STORAGE, DataDir, Device, Json, Storage, Study, option
from vrtune.cli.screen import print_lines, reserved
from vrtune.display.progress import shown
from vrtune.searching.settings import SearchSettings


def work(
    study: Study,
    storage: Storage = DEFAULT_STORAGE,
    jobs: Annotated[str, option(SearchSettings, "jobs")] = "auto",
    device: Device = "auto",
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Train trials of a study that a search has opened, until it has all that it is to have.

    The task and the search space are the study's. Start it as often as you like, on as many
    machines as reach the storage: together they train what the search asked for.
    """
    try:
        with shown(doing="loading PyTorch", json=json) as progress, reserved(json), faults(storage):
            from vrtune.searching.work import work as working

            done = working(
                study,
                storage=storage,
                jobs=jobs,  # type: ignore[arg-type]  # read by the settings
                device=device,
                data_dir=data_dir,
                progress=progress,
            )
    except KeyboardInterrupt as error:  # before there was a trial, or at once
        by = next((number for number in error.args if number), SIGINT)
        raise typer.Exit(BY_SIGNAL + by) from None
    if json:
        typer.echo(done.model_dump_json())
    else:
        goal = "what its budget allows" if done.goal is None else f"{done.goal} trials"
        print_lines(
            [
                ("trials", f"{done.trials} ended here"),
                ("goal", f"{goal}, {'all started' if done.reached else 'not yet reached'}"),
                ("seconds", f"{done.seconds:.1f}"),
            ]
        )
    if done.stopped_by is not None:
        typer.echo("stopped: open trials are queued again, for others to train", err=True)
        raise typer.Exit(BY_SIGNAL + done.stopped_by)
