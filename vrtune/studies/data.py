"""The data that a study searched on, wherever they lie by now."""

from __future__ import annotations

import os
from pathlib import Path

import optuna

from vrtune.data import DATASETS, TABLES, Dataset, of_task
from vrtune.errors import UsageError, VrtuneError
from vrtune.own.objects import is_object
from vrtune.studies.objects import check_own
from vrtune.studies.record import read_record


def find_data(study: optuna.Study, data_dir: Path | None = None) -> Dataset:
    """The data of the study's fingerprint: where they were, or in `data_dir`, or at that path. A
    file with a function of the user's may lie in the working folder, too.

    Raises UsageError where there are none, VrtuneError where there are others.
    """
    record, name = read_record(study), study.study_name
    dataset = record.task.dataset
    places = _places(study, dataset, data_dir)
    if not places:
        looked = f"at {dataset}" + (f" or in {data_dir}" if data_dir else "")
        raise UsageError(
            f"the data of study {name!r} are not {looked}: give the folder that they lie in now, "
            "or their own path, with --data-dir"
        )
    others = []
    for place in places:
        task = record.task.model_copy(update={"dataset": place})
        found = of_task(task, data_dir or Path(record.data_dir))
        if found.fingerprint == record.fingerprint:
            return found
        others.append(found.fingerprint)
    raise VrtuneError(
        f"{places[0]} is not the data that study {name!r} searched on (fingerprint "
        f"{others[0]}, was {record.fingerprint}): give the folder of the original with "
        "--data-dir"
    )


def _places(study: optuna.Study, dataset: str, data_dir: Path | None) -> list[str]:
    """Where the data may be by now."""
    home, _, function = dataset.rpartition(":")
    if dataset in DATASETS or (is_object(dataset) and not home.endswith(".py")):
        return [dataset]
    if not is_object(dataset):
        near = [data_dir / Path(dataset).name, data_dir] if data_dir else []
        return [str(place) for place in (*near, Path(dataset)) if _may_hold_data(place)]
    near = [data_dir / Path(home).name, data_dir] if data_dir else []
    near += [Path(home)] if os.path.isfile(home) else [Path(Path(home).name)]
    files = [Path(os.path.realpath(file)) for file in near if os.path.isfile(file)]
    for file in files:
        check_own(study, file, "data")
    return [f"{file}:{function}" for file in files]


def _may_hold_data(place: Path) -> bool:
    """Whether it is a file, or a folder of images or tables rather than one of data sets."""
    parts = [os.path.isfile(place / f"train{ending}") for ending in TABLES]
    return os.path.isfile(place) or os.path.isdir(place / "train") or any(parts)
