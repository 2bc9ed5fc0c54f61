"""What a study remembers of its Task, and how a later search or retraining finds it again."""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from pathlib import Path
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
from vrtune.errors import UsageError, explain
from vrtune.given.names import folder_name, text_fault
from vrtune.storages.locks import locked
from vrtune.storages.quiet import quiet
from vrtune.storages.urls import shown
from vrtune.studies.choice import ranked

RECORD = "vrtune"  # the study attribute that holds its StudyRecord
VALUE = "validation loss"  # what Optuna's figures and dashboard call the value of a trial


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
    id: str = Field(default="", pattern="^([0-9a-f]{32})?$")  # its own, among all databases

    @property
    def method(self) -> str:
        """What was tuned: the space, and how weights start where a task says so."""
        init = self.task.init
        return self.space + (f" + {init}" if init != "default" else "")

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


def default_name(space: str, task: Task) -> str:
    """e.g. storm-digits-lenet, with what is not usual about the task behind it."""
    parts = [space, Path(task.dataset).stem, task.model]
    parts += [f"{task.norm}norm"] if task.norm != "none" else []
    parts += [task.init] if task.init != "default" else []
    return folder_name("-".join(parts))


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
            study = optuna.create_study(study_name=name, storage=storage, direction="minimize")
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
        _name_value(study)
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
        _fitting(optuna.load_study(study_name=name, storage=storage), record, edited_space)


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


def identified(study: optuna.Study) -> StudyRecord:
    """The same, with an id from now on: an older vrtune gave none."""
    with locked(study, "to give a study its id"):
        record = read_record(study)
        if not record.id:
            record = record.model_copy(update={"id": uuid4().hex})
            study.set_user_attr(RECORD, record.model_dump(mode="json"))
    return record


def _name_value(study: optuna.Study) -> None:
    """Says what its value is, unless somebody has: to Optuna it is an objective 0."""
    if not study.metric_names:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            study.set_metric_names([VALUE])


def _fitting(
    study: optuna.Study, record: StudyRecord, edited_space: Literal["refuse", "accept"]
) -> tuple[StudyRecord, bool]:
    """What a study remembers, if it can be continued, and whether it is new. UsageError if not."""
    _refuse_foreign(study)
    fresh = RECORD not in study.user_attrs and not study.get_trials(deepcopy=False)
    kept = record if fresh else read_record(study)
    _refuse_other(study, kept, record)
    if edited_space == "refuse":
        _refuse_edited(study, kept, record)
    return kept, fresh


def _refuse_foreign(study: optuna.Study) -> None:
    """UsageError for a study that does not minimize one value."""
    count = len(study.directions)
    if count > 1 or study.direction is StudyDirection.MAXIMIZE:
        what = f"has {count} objectives" if count > 1 else "maximizes its value"
        raise UsageError(
            f"study {study.study_name!r} {what}, so vrtune did not make it: "
            "choose another name with --study"
        )


def _refuse_other(study: optuna.Study, kept: StudyRecord, now: StudyRecord) -> None:
    """UsageError for another task; where the data lie does not matter, what they hold does."""
    before, after = ({**record.task.model_dump(), "space": record.space} for record in (kept, now))
    if kept.fingerprint == now.fingerprint:
        del before["dataset"], after["dataset"]
    changes = [f"{k} was {before[k]}, now {after[k]}" for k in after if before[k] != after[k]]
    if kept.fingerprint != now.fingerprint:
        changes.append(f"data fingerprint was {kept.fingerprint}, now {now.fingerprint}")
    if changes:
        raise UsageError(
            f"study {study.study_name!r} holds another task ({'; '.join(changes)}): "
            "choose another name with --study"
        )


def _refuse_edited(study: optuna.Study, kept: StudyRecord, now: StudyRecord) -> None:
    """UsageError for a search space of the same name that was written otherwise."""
    before, after = kept.space_fingerprint, now.space_fingerprint
    if before and after and before != after:
        raise UsageError(
            f"study {study.study_name!r} began with another text of its search space than "
            f"{now.sources[0] if now.sources else now.space} holds now: choose another name with "
            "--study, or go on with the text of now by --edited-space accept"
        )


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
    trials = study.get_trials(deepcopy=False)
    if not 0 <= number < len(trials):
        raise UsageError(f"study {study.study_name!r} has no trial {number}: it has {len(trials)}")
    if trials[number].state is not TrialState.COMPLETE:
        state = trials[number].state.name.lower()
        raise UsageError(f"trial {number} is {state}: choose a complete one (vrtune show)")
    return trials[number]
