"""Files that a study keeps beside its storage and the Optuna dashboard shows with its trials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.artifacts.exceptions import ArtifactNotFound

from vrtune.given.names import folder_name
from vrtune.given.stages import Stage, sweep
from vrtune.studies.folders import beside, own_name
from vrtune.studies.record import all_studies

WRITING = ".writing-"
# what Optuna and the dashboard keep with a study or a trial of each file, and how it is named
KEPT = re.compile(
    r"(?:dashboard:)?artifacts:(?:\d+:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
)


def artifact_folder(storage: str) -> Path:
    """Where the artifacts of all studies of a storage lie: studies/artifacts/FILE beside its file,
    or studies/artifacts/DATABASE here for a server's. A copy of a file has none of the original's.
    The folder may not be there yet.

    Args:
        storage: its URL or path.
    Raises:
        UsageError: the URL means nothing.
    Example:
        >>> from vrtune.studies.artifacts import artifact_folder
        >>> artifact_folder("sqlite:///studies.db").as_posix()
        'studies/artifacts/studies.db'
    """
    return beside(storage) / "artifacts" / folder_name(own_name(storage) or "database")


class Artifacts:
    """Keeps files with trials, for as long as their folder can be written."""

    def __init__(self, storage: str) -> None:
        self.folder = artifact_folder(storage)
        self.fault = ""  # for which no more are kept
        self.swept = False

    def keep(self, trial: optuna.Trial, files: Mapping[str, bytes]) -> None:
        """Uploads files, by their names, for a trial that has not ended. What stands in the way is
        the `fault` from then on, and nothing is kept any more."""
        if self.fault:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self.swept:
                sweep(self.folder, WRITING)
                self.swept = True
            # there, so that a disk without room is met before the study knows of the file
            with Stage(self.folder, WRITING) as beside:
                for name, content in files.items():
                    (beside / name).write_bytes(content)
                store = FileSystemArtifactStore(self.folder)
                for name in files:
                    path = str(beside / name)
                    upload_artifact(artifact_store=store, file_path=path, study_or_trial=trial)
        except OSError as error:
            self.fault = (
                f"{self.folder} can't be written ({error.strerror or error}), where curves and "
                "settings of the trials would go for the dashboard: free or move it; the search "
                "goes on without"
            )


def own_artifacts(study: optuna.Study) -> set[str]:
    """The files that only a study and its trials have, of all studies of its storage: a copy of it
    has the same ones."""
    if not (own := _named(study)):
        return own
    others = [
        other for other in all_studies(study._storage) if other.study_name != study.study_name
    ]
    return own.difference(*map(_named, others))


def remove_artifacts(names: Iterable[str], storage: str) -> str:
    """Removes files of a study that is gone; returns why some are left, or nothing."""
    store, why = FileSystemArtifactStore(artifact_folder(storage)), ""
    for name in names:
        try:
            store.remove(name)
        except ArtifactNotFound:  # on another machine, or the dashboard has removed it
            pass
        except OSError as error:
            why = error.strerror or str(error)
    return why


def _named(study: optuna.Study) -> set[str]:
    """The names of the files that a study and its trials have."""
    kept: list[dict[str, Any]] = [study._storage.get_study_system_attrs(study._study_id)]
    kept += [trial.system_attrs for trial in study.get_trials(deepcopy=False)]
    return {found[1] for attrs in kept for name in attrs if (found := KEPT.fullmatch(name))}
