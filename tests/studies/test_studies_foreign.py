"""Studies that vrtune did not make: it can say what there is in them."""

from __future__ import annotations

import optuna
import pytest

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.storages.opening import open_storage
from vrtune.studies.record import StudyRecord, all_studies, best_value, open_study, read_record

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


@pytest.mark.parametrize(
    ("directions", "values", "best"),
    [
        (["minimize"], [0.5, 0.25, 1.0], 0.25),
        (["maximize"], [0.5, 0.25, 1.0], 1.0),
        (["minimize"], [], None),
        (["minimize", "maximize"], [(0.5, 1.0)], None),
    ],
)
def test_the_best_value(directions: list[str], values: list[float], best: float | None) -> None:
    study = optuna.create_study(directions=directions)
    for value in values:
        study.tell(study.ask(), value)
    study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    assert best_value(study) == best


def test_all_studies_are_found(url: str) -> None:
    storage = open_storage(url)
    assert all_studies(storage) == []
    open_study(storage, "ours", RECORD)
    optuna.create_study(study_name="theirs", storage=storage, directions=["minimize", "maximize"])
    ours, theirs = all_studies(storage)
    assert read_record(ours).model_copy(update={"id": ""}) == RECORD
    with pytest.raises(UsageError, match="'theirs' was not made by this vrtune"):
        read_record(theirs)
