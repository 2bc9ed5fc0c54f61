"""What a study remembers of its Task, and how a later search or retraining finds it again."""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from typing import Any, Literal
from uuid import uuid4

import optuna
from optuna.exceptions import DuplicatedStudyError, ExperimentalWarning
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from vrtune.config import UNKNOWN, Settings, Task
from vrtune.display.figures import safe
from vrtune.display.measures import Direction, Measure
from vrtune.errors import UsageError, explain
from vrtune.given.names import text_fault
from vrtune.storages.locks import locked
from vrtune.storages.quiet import quiet
from vrtune.storages.urls import shown
from vrtune.studies.choice import ranked
from vrtune.studies.naming import beside
from vrtune.studies.refusals import (
    refuse_edited,
    refuse_edited_space,
    refuse_foreign,
    refuse_other,
)

RECORD = "vrtune"  # the study attribute that holds its StudyRecord
NAME = r"^[\w-]+$"  # of a metric
VALUE = Measure().value  # what Optuna's figures and dashboard call the value of a trial, as a rule


class StudyRecord(Settings):
    """What a study remembers, so that a later search continues it and a retraining repeats it."""

    task: Task
    space: str
    fingerprint: str = Field(pattern="^[0-9a-f]{16}$")  # of the training data
    data_dir: str
    version: str
    sources: tuple[str, ...] = ()  # the files of its space and its init, which may define units
    space_fingerprint: str = Field(default="", pattern="^([0-9a-f]{16})?$")  # "": not known
    class_names: tuple[str, ...] | None = None  # of the data, in order of the labels
    metric: str = Field(default="loss", pattern=NAME)  # what its values are
    score: str = Field(default="accuracy", pattern=NAME)  # the figure beside a loss
    direction: Direction = "minimize"
    # digests of the task's own model, loss and metric, as far as they are FILE.py:NAME
    objects: dict[str, str] = Field(default_factory=dict)
    id: str = Field(default="", pattern="^([0-9a-f]{32})?$")  # its own, among all databases

    @property
    def method(self) -> str:
        """What was tuned: the space, and how weights start where a task says so."""
        return " + ".join([self.space, *beside(self.task)])

    @property
    def measure(self) -> Measure:
        """How its trials are judged."""
        return Measure(self.metric, self.score, self.direction)

    @field_validator("space", "data_dir", "version", "sources")
    @classmethod
    def _can_be_kept(cls, given: Any) -> Any:
        if fault := text_fault("".join(given)):
            raise PydanticCustomError("text", fault)
        return given

    @field_validator("class_names")
    @classmethod
    def _in_utf8(cls, names: Any) -> Any:
        """A folder's name may be none; a study can keep no other."""
        return names and tuple(name.encode(errors="replace").decode() for name in names)


@quiet()
def open_study(
    storage: BaseStorage,
    name: str,
    record: StudyRecord,
    edited_space: Literal["refuse", "accept"] = "refuse",
) -> optuna.Study:
    """Creates the study, or continues it if it is of the same task, data and search space.

    UsageError if it is not; one whose space was edited can be accepted.
    """
    with locked(storage, "to open a study"):
        try:
            study = optuna.create_study(
                study_name=name, storage=storage, direction=record.direction
            )
        except DuplicatedStudyError:
            study = optuna.load_study(study_name=name, storage=storage)
        kept, fresh = _fitting(study, record, edited_space)
        now = record.model_copy(
            update={
                "version": kept.version,
                "id": kept.id or uuid4().hex,  # an older vrtune's has none of what follows, too
                "space_fingerprint": record.space_fingerprint or kept.space_fingerprint,
                "class_names": record.class_names or kept.class_names,
            }
        )
        if fresh or now != kept:
            study.set_user_attr(RECORD, now.model_dump(mode="json"))
        _name_value(study, record.measure)
    return study


@quiet()
def check_study(
    storage: BaseStorage,
    name: str,
    record: StudyRecord,
    edited_space: Literal["refuse", "accept"] = "refuse",
) -> None:
    """UsageError if `open_study` would refuse to continue a study; nothing is written."""
    if name in (study.study_name for study in storage.get_all_studies()):
        check_fits(optuna.load_study(study_name=name, storage=storage), record, edited_space)


def check_fits(
    study: optuna.Study, record: StudyRecord, edited_space: Literal["refuse", "accept"] = "refuse"
) -> None:
    """The same of a study that was opened."""
    _fitting(study, record, edited_space)


@quiet()
def load_study(storage: BaseStorage, name: str, url: str) -> optuna.Study:
    """A study that exists. UsageError names those that do."""
    studies = [study.study_name for study in storage.get_all_studies()]
    if name not in studies:
        known = f"it holds {', '.join(map(safe, studies))}" if studies else "it holds none yet"
        raise UsageError(f"there is no study {name!r} in {shown(url)}: {known}")
    return optuna.load_study(study_name=name, storage=storage)


@quiet()
def all_studies(storage: BaseStorage) -> list[optuna.Study]:
    """The studies of a storage, whoever made them."""
    found = []
    for study in storage.get_all_studies():
        with suppress(KeyError):  # it was deleted meanwhile
            found.append(optuna.load_study(study_name=study.study_name, storage=storage))
    return found


def read_record(study: optuna.Study, cure: str = "search under another --study") -> StudyRecord:
    """What the study remembers. UsageError if this vrtune did not make it, with what to do then."""
    kept, name = study.user_attrs.get(RECORD), study.study_name
    if kept is None:
        raise UsageError(f"study {name!r} was not made by this vrtune: {cure}")
    try:
        return StudyRecord.model_validate(kept)
    except ValidationError as error:
        later = any(e["type"] in (UNKNOWN, "extra_forbidden") for e in error.errors())
        what = "was made by a later vrtune" if later else "holds a record that was damaged"
        raise UsageError(f"study {name!r} {what} ({explain(error)}): {cure}") from None


def measure_of(study: optuna.Study) -> Measure:
    """How the trials of a study are judged; others' as usual."""
    try:
        return read_record(study).measure
    except UsageError:
        return Measure()


def identified(study: optuna.Study) -> StudyRecord:
    """The same, with an id from now on: an older vrtune gave none."""
    with locked(study, "to give a study its id"):
        record = read_record(study)
        if not record.id:
            record = record.model_copy(update={"id": uuid4().hex})
            study.set_user_attr(RECORD, record.model_dump(mode="json"))
    return record


def _name_value(study: optuna.Study, measure: Measure) -> None:
    """Says what its value is, unless somebody has: to Optuna it is an objective 0."""
    if not study.metric_names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([measure.value])


def _fitting(
    study: optuna.Study, record: StudyRecord, edited_space: Literal["refuse", "accept"]
) -> tuple[StudyRecord, bool]:
    """What a study remembers, if it can be continued, and whether it is new. UsageError if not."""
    ours = RECORD in study.user_attrs
    refuse_foreign(study, read_record(study).direction if ours else record.direction)
    fresh = not ours and not study.get_trials(deepcopy=False)
    kept = record if fresh else read_record(study)
    refuse_other(study, kept, record)
    refuse_edited(study, kept, record)
    if edited_space == "refuse":
        refuse_edited_space(study, kept, record)
    return kept, fresh


def best_value(study: optuna.Study) -> float | None:
    """The best value so far. None if there is none, as in a study of several objectives."""
    if len(study.directions) != 1:
        return None
    values = [
        trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ]
    better = max if study.direction is StudyDirection.MAXIMIZE else min
    return better((v for v in values if v is not None and math.isfinite(v)), default=None)


def find_trial(study: optuna.Study, number: int | None = None) -> FrozenTrial:
    """A complete trial by number, or the best. UsageError if there is none."""
    if number is None:
        if best := ranked(study):
            return best[0]
        raise UsageError(f"study {study.study_name!r} has no complete trial: search longer")
    trial = numbered(study, number)
    if trial.state is not TrialState.COMPLETE:
        state = trial.state.name.lower()
        raise UsageError(f"trial {number} is {state}: choose a complete one (vrtune show)")
    return trial


def numbered(study: optuna.Study, number: int) -> FrozenTrial:
    """A trial by number, however it stands. UsageError if there is none."""
    trials = study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise UsageError(f"study {study.study_name!r} has no trial {number}: it has {len(trials)}")
    return trials[number]
