"""vrtune search: tunes a method, trains the best setting again, and says what came out."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated, Literal

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import (
    DEFAULT_STORAGE,
    Device,
    Json,
    Storage,
    count_or_auto,
    make_task,
)
from vrtune.cli.progress import shown
from vrtune.cli.screen import print_lines
from vrtune.cli.summary import summary
from vrtune.config import Task
from vrtune.errors import VrtuneError

TASK, SEARCH, SPEED, END = "Task", "Search", "Speed", "After the search"
USUAL = Task()


def search(
    space: Annotated[
        str,
        typer.Argument(
            metavar="SPACE", help="Search space: a name (vrtune list spaces) or a .py file."
        ),
    ],
    dataset: Annotated[
        str,
        typer.Option(
            help="Data set: a name (vrtune list datasets), a folder or an .npz file.",
            rich_help_panel=TASK,
        ),
    ] = USUAL.dataset,
    model: Annotated[
        str, typer.Option(help="Architecture (vrtune list models).", rich_help_panel=TASK)
    ] = USUAL.model,
    norm: Annotated[
        str,
        typer.Option(
            metavar="none|batch|layer", help="Normalisation layers.", rich_help_panel=TASK
        ),
    ] = USUAL.norm,
    init: Annotated[
        str,
        typer.Option(metavar="default|metainit", help="How weights start.", rich_help_panel=TASK),
    ] = USUAL.init,
    folds: Annotated[
        int, typer.Option(help="Folds of the cross-validation.", rich_help_panel=TASK)
    ] = USUAL.folds,
    holdout: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Hold out this share once, in place of folds.",
            show_default="folds",
            rich_help_panel=TASK,
        ),
    ] = USUAL.holdout,
    epochs: Annotated[
        int, typer.Option(help="Passes over the training part.", rich_help_panel=TASK)
    ] = USUAL.epochs,
    batch_size: Annotated[
        int, typer.Option(help="Samples a step.", rich_help_panel=TASK)
    ] = USUAL.batch_size,
    limit: Annotated[
        int | None,
        typer.Option(
            help="Training samples used, every class in its proportion.",
            show_default="all",
            rich_help_panel=TASK,
        ),
    ] = USUAL.limit,
    augment: Annotated[
        str,
        typer.Option(
            metavar="none|crop-flip",
            help="Random views of the training images: pad 4, crop, flip.",
            rich_help_panel=TASK,
        ),
    ] = USUAL.augment,
    lock_transforms: Annotated[
        bool,
        typer.Option(
            help="A sample keeps its view from a snapshot to the next; without snapshots never.",
            rich_help_panel=TASK,
        ),
    ] = USUAL.lock_transforms,
    precision: Annotated[
        str,
        typer.Option(
            metavar="float32|tf32|bfloat16",
            help="Of matrix products and convolutions; tf32 needs a GPU.",
            rich_help_panel=TASK,
        ),
    ] = USUAL.precision,
    seed: Annotated[
        int, typer.Option(help="Keys folds, weights and batches.", rich_help_panel=TASK)
    ] = USUAL.seed,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Trials to run in this search.",
            show_default="30, or the whole grid",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="Start no trial after this many seconds.",
            show_default="no limit",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    sampler: Annotated[
        str,
        typer.Option(
            metavar="tpe|random|qmc|gp|grid",
            help="Proposes the settings to try.",
            rich_help_panel=SEARCH,
        ),
    ] = "tpe",
    pruner: Annotated[
        str,
        typer.Option(
            metavar="median|percentile|hyperband|halving|none",
            help="Ends poor trials early.",
            rich_help_panel=SEARCH,
        ),
    ] = "hyperband",
    validate_at: Annotated[
        Literal["epochs", "rungs"],
        typer.Option(
            metavar="epochs|rungs",
            help="When trials are judged: after each epoch, or only where the pruner decides.",
            rich_help_panel=SEARCH,
        ),
    ] = "epochs",
    study: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Study to make or to continue.",
            show_default="SPACE-DATASET-MODEL",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
    jobs: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            help="Processes; auto: one a core on a CPU, one in all on a GPU.",
            rich_help_panel=SPEED,
        ),
    ] = "auto",
    lanes: Annotated[
        str,
        typer.Option(
            metavar="auto|N",
            help="Training runs at once in a process (a trial takes one a fold).",
            rich_help_panel=SPEED,
        ),
    ] = "auto",
    fuse: Annotated[
        Literal["auto", "on", "off"],
        typer.Option(
            metavar="auto|on|off",
            help="All lanes in one gradient, or one after another; auto: measured first.",
            rich_help_panel=SPEED,
        ),
    ] = "auto",
    device: Device = "auto",
    retrain: Annotated[
        int,
        typer.Option(
            metavar="K",
            help="Best trials to train again on the whole training set and test; 0: none.",
            rich_help_panel=END,
        ),
    ] = 1,
    retrain_seeds: Annotated[
        int, typer.Option(help="Trainings of each of them.", rich_help_panel=END)
    ] = 3,
    data_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where data sets lie, or are downloaded to.")
    ] = Path("data"),
    json: Json = False,
) -> None:
    """Tune a method, then train its best setting again and test it.

    The same command again continues the study, after Ctrl-C too: trials that were open start anew.
    """
    task = make_task(
        dataset=dataset,
        model=model,
        norm=norm,
        init=init,
        folds=folds,
        holdout=holdout,
        epochs=epochs,
        batch_size=batch_size,
        limit=limit,
        augment=augment,
        lock_transforms=lock_transforms,
        precision=precision,
        seed=seed,
    )
    processes, at_once = count_or_auto("--jobs", jobs), count_or_auto("--lanes", lanes)
    with faults(storage):
        from vrtune.searching import search as searching

        total = searching.TRIALS if trials is None and sampler != "grid" else trials
        out_of_the_way = redirect_stdout(sys.stderr) if json else nullcontext()
        with shown(trials=total, epochs=task.epochs, json=json) as progress, out_of_the_way:
            result = searching.search(
                space,
                task,
                trials=trials,
                timeout=timeout,
                sampler=sampler,
                pruner=pruner,
                validate_at=validate_at,
                study=study,
                storage=storage,
                jobs=processes,
                lanes=at_once,
                fuse=fuse,
                device=device,
                retrain=retrain,
                retrain_seeds=retrain_seeds,
                data_dir=data_dir,
                progress=progress,
            )
    result = result.model_copy(update={"storage": public(storage)})
    if json:
        typer.echo(result.model_dump_json())
    else:
        print_lines(summary(result))
    if result.stopped:
        typer.echo(
            "stopped: open trials are queued again; the same command continues the study", err=True
        )
        raise typer.Exit(130)
    if result.best is None:
        raise VrtuneError(
            f"no trial of study {result.study!r} ran to its end: give it more trials or time"
        )
