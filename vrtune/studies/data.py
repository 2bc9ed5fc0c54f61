"""The data that a study searched on, wherever they lie by now."""

from __future__ import annotations

import os
from pathlib import Path

import optuna

from vrtune.data import DATASETS, Dataset, load
from vrtune.errors import UsageError, VrtuneError
from vrtune.studies.record import read_record


def find_data(study: optuna.Study, data_dir: Path | None = None) -> Dataset:
    """The data of the study's fingerprint: where they were, or in `data_dir`, or at that path.

    Raises UsageError where there are none, VrtuneError where there are others.
    """
    record, name = read_record(study), study.study_name
    dataset = record.task.dataset
    if dataset in DATASETS:
        places = [dataset]
    else:
        within = [data_dir / Path(dataset).name, data_dir] if data_dir else []
        places = [str(place) for place in (*within, Path(dataset)) if _may_hold_data(place)]
    if not places:
        looked = f"at {dataset}" + (f" or in {data_dir}" if data_dir else "")
        raise UsageError(
            f"the data of study {name!r} are not {looked}: give the folder that they lie in now, "
            "or their own path, with --data-dir"
        )
    others = []
    for place in places:
        found = load(place, data_dir or Path(record.data_dir))
        if found.fingerprint == record.fingerprint:
            return found
        others.append(found.fingerprint)
    raise VrtuneError(
        f"{places[0]} is not the data that study {name!r} searched on (fingerprint "
        f"{others[0]}, was {record.fingerprint}): give the folder of the original with "
        "--data-dir"
    )


def _may_hold_data(place: Path) -> bool:
    """Whether it is a file, or a folder of images rather than one of data sets."""
    return os.path.isfile(place) or os.path.isdir(place / "train")
