"""vrtune retrain: trains trials of a study again and tests them."""

from __future__ import annotations

from json import dumps
from typing import Annotated

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import DEFAULT_STORAGE, DataDir, Device, Json, Storage, Study
from vrtune.cli.screen import reserved
from vrtune.cli.show import print_retrained
from vrtune.cli.stopping import stoppable
from vrtune.display.progress import shown
from vrtune.errors import UsageError


def retrain(
    study: Study,
    trial: Annotated[
        int | None, typer.Option(metavar="N", help="The trial with this number.")
    ] = None,
    top: Annotated[
        int | None, typer.Option(metavar="K", help="The K best trials.", show_default="1")
    ] = None,
    seeds: Annotated[int, typer.Option(metavar="S", help="Trainings of each trial.")] = 3,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Epochs of each training; the schedule of the learning rate stretches with them.",
            show_default="those of the search",
        ),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    data_dir: DataDir = None,
    test_curve: Annotated[
        bool,
        typer.Option(
            "--test-curve",
            help="Keep test loss and accuracy after every epoch, too: for figures, of settings "
            "that are chosen already. Choose no setting and no epoch by them, or the test result, "
            "which stays the last epoch's, is none any more.",
        ),
    ] = False,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Train trials again on the whole training set, with several seeds, and test them."""
    if trial is not None and top is not None:
        raise UsageError("--trial and --top exclude each other: give one of them")
    kept = "the study and earlier results are as they were; the same command goes on"
    with shown(doing="loading PyTorch", json=json) as progress, reserved(json), faults(storage):
        from vrtune import retraining

        with stoppable(kept) as stopping:
            results = retraining.retrain(
                study,
                storage=storage,
                trial=trial,
                top=1 if top is None else top,
                seeds=seeds,
                epochs=epochs,
                device=device,
                data_dir=data_dir,
                test_curve=test_curve,
                progress=progress,
                stopping=stopping,
            )
    if json:
        retrained = [result.model_dump(mode="json") for result in results]
        typer.echo(dumps({"study": study, "storage": public(storage), "retrained": retrained}))
    else:
        print_retrained(results)
