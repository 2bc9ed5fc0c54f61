"""vrtune delete: takes a study out of its storage."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import DEFAULT_STORAGE, Storage, Study
from vrtune.cli.screen import safe
from vrtune.errors import UsageError, VrtuneError

if TYPE_CHECKING:
    import optuna

    from vrtune.studies.checkpoints import Checkpoints


def delete(
    study: Study,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also while a search may be running on it.")
    ] = False,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Delete a study: its settings, trials and results, its checkpoints and its trials' files.

    Weights and curves of trials that were trained again stay.
    """
    with faults(storage):
        import optuna

        from vrtune.storages.opening import open_storage
        from vrtune.storages.quiet import quiet
        from vrtune.studies.artifacts import artifact_folder, own_artifacts, remove_artifacts
        from vrtune.studies.glance import holders, state
        from vrtune.studies.record import load_study
        from vrtune.studies.retrained import retrained

        where = open_storage(storage, create=False)
        opened = load_study(where, study, storage)
        trials = opened.get_trials(deepcopy=False)
        if not force and set(holders(trials)) - {False}:
            raise VrtuneError(
                f"study {study!r} has trials that may be in training ({state(trials)}): end its "
                "searches first, or give --force"
            )
        results = [retrained(opened, trial.number) for trial in trials]
        kept = {str(Path(result.folder).parent) for result in results if result and result.folder}
        if not yes and not _agreed(f"{safe(study)} in {public(storage)} ({state(trials)})"):
            typer.echo("nothing was deleted")
            raise typer.Exit(1)
        files = own_artifacts(opened)  # which only the study names
        checkpoints = _checkpoints(opened, storage)
        with quiet():
            try:
                optuna.delete_study(study_name=study, storage=where)
            except KeyError:
                raise VrtuneError(f"study {study!r} is gone: another program deleted it") from None
        left = remove_artifacts(files, storage)
        unremoved = checkpoints.remove_all() if checkpoints else ""
    typer.echo(f"deleted {safe(study)}")
    if left:
        typer.echo(f"files of its trials stay in {safe(artifact_folder(storage))} ({left})")
    if checkpoints and unremoved:
        typer.echo(f"its checkpoints stay in {safe(checkpoints.folder)} ({unremoved})")
    for folder in sorted(kept):
        typer.echo(f"its weights and curves stay in {safe(folder)}")


def _checkpoints(study: optuna.Study, storage: str) -> Checkpoints | None:
    """Those of a study that is about to go; another program's has none."""
    from vrtune.studies.checkpoints import Checkpoints

    found = Checkpoints(study, storage)
    try:
        found.folder  # noqa: B018 - which takes the study's id
    except UsageError:
        return None
    return found


def _agreed(what: str) -> bool:
    """Asks. UsageError where there is nobody to ask."""
    if not _is_terminal():
        raise UsageError("there is no terminal to ask on: give --yes to delete it all the same")
    return typer.confirm(f"Delete study {what}?", err=True)


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()
