"""What a study remembers of its Task, and how a later search or retraining finds it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from pydantic import ValidationError

from vrtune.config import Settings, Task
from vrtune.errors import UsageError, VrtuneError, explain
from vrtune.spaces import load_file
from vrtune.studies.choice import ranked
from vrtune.studies.leases import AGAIN, CUT_OFF
from vrtune.studies.quiet import quiet
from vrtune.trial_config import ROLES, TrialConfig

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "queued",
}
RECORD = "vrtune"  # the study attribute that holds its StudyRecord


class StudyRecord(Settings):
    """What a study remembers, so that a later search continues it and a retraining repeats it."""

    task: Task
    space: str
    fingerprint: str
    data_dir: str
    version: str
    sources: tuple[str, ...] = ()  # the files of its space and its init, which may define units


def default_name(record: StudyRecord) -> str:
    """e.g. storm-digits-lenet, with what is not usual about the task behind it."""
    task = record.task
    parts = [record.space, Path(task.dataset).stem, task.model]
    parts += [f"{task.norm}norm"] if task.norm != "none" else []
    parts += [task.init] if task.init != "default" else []
    return "-".join(parts)


@quiet()
def open_study(storage: BaseStorage, name: str, record: StudyRecord) -> optuna.Study:
    """Creates the study, or continues it if it holds the same task. UsageError if it does not."""
    try:
        study = optuna.create_study(study_name=name, storage=storage, direction="minimize")
        study.set_user_attr(RECORD, record.model_dump(mode="json"))
    except DuplicatedStudyError:
        study = optuna.load_study(study_name=name, storage=storage)
        if RECORD not in study.user_attrs and not study.get_trials(deepcopy=False):
            study.set_user_attr(RECORD, record.model_dump(mode="json"))  # its maker was cut off
        _same_task(study, record)
        kept = read_record(study)
        if kept.sources != record.sources:  # the files of its space have moved
            moved = kept.model_copy(update={"sources": record.sources})
            study.set_user_attr(RECORD, moved.model_dump(mode="json"))
    return study


@quiet()
def load_study(storage: BaseStorage, name: str, url: str) -> optuna.Study:
    """A study that exists. UsageError names those that do."""
    studies = [study.study_name for study in storage.get_all_studies()]
    if name not in studies:
        known = f"it holds {', '.join(studies)}" if studies else "it holds none yet"
        raise UsageError(f"there is no study {name!r} in {url}: {known}")
    return optuna.load_study(study_name=name, storage=storage)


@quiet()
def all_studies(storage: BaseStorage) -> list[optuna.Study]:
    """The studies of a storage, whoever made them."""
    return [
        optuna.load_study(study_name=study.study_name, storage=storage)
        for study in storage.get_all_studies()
    ]


def read_record(study: optuna.Study) -> StudyRecord:
    """What the study remembers. UsageError if vrtune did not make it."""
    try:
        return StudyRecord.model_validate(study.user_attrs.get(RECORD))
    except ValidationError:
        raise UsageError(
            f"study {study.study_name!r} was not made by this vrtune: search under another --study"
        ) from None


def check_data(study: optuna.Study, fingerprint: str) -> None:
    """VrtuneError unless data with this fingerprint is what the study searched on."""
    record = read_record(study)
    if fingerprint != record.fingerprint:
        raise VrtuneError(
            f"{record.task.dataset} is not the data that study {study.study_name!r} searched on "
            f"(fingerprint {fingerprint}, was {record.fingerprint}): "
            "give the folder of the original with --data-dir"
        )


def _same_task(study: optuna.Study, record: StudyRecord) -> None:
    before, now = _flat(read_record(study)), _flat(record)
    changes = [f"{k} was {before[k]}, now {now[k]}" for k in now if before[k] != now[k]]
    if changes:
        raise UsageError(
            f"study {study.study_name!r} holds another task ({'; '.join(changes)}): "
            "choose another name with --study"
        )


def _flat(record: StudyRecord) -> dict[str, Any]:
    """What makes two tasks the same; where the data lies does not matter, what it holds does."""
    task = record.task.model_dump()
    return task | {"space": record.space, "data fingerprint": record.fingerprint}


class Counts(Settings):
    """How many trials are in which state; an interrupted one ended by no fault of its settings."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    interrupted: int = 0
    running: int = 0
    queued: int = 0

    def __str__(self) -> str:
        counts = self.model_dump()
        shown = [name for name, n in counts.items() if n or name in ("complete", "pruned")]
        return ", ".join(f"{counts[name]} {name}" for name in shown)


def count(trials: Sequence[FrozenTrial]) -> Counts:
    """Counts trials of a study, which knows no state of interrupted ones: they failed there. Those
    of a process that died are known by the trials that repeat them."""
    states = {trial.number: STATES[trial.state] for trial in trials}
    for trial in trials:
        if CUT_OFF in trial.user_attrs and trial.state is TrialState.FAIL:
            states[trial.number] = "interrupted"
        if AGAIN in trial.user_attrs:
            states[trial.user_attrs[AGAIN]] = "interrupted"
    return Counts(**Counter(states.values()))


def read_config(study: optuna.Study, trial: FrozenTrial) -> TrialConfig:
    """The settings a trial ran with. Units that are not vrtune's are those of the files of the
    study's search space. UsageError if they are not there."""
    kept = trial.user_attrs.get("config")
    if foreign_kinds(kept):
        for source in read_record(study).sources:
            load_file(Path(source))
    try:
        return TrialConfig.model_validate(kept)
    except ValidationError as error:
        raise UsageError(
            f"trial {trial.number} has settings that this vrtune refuses ({explain(error)}): "
            "install the version that searched, or import the method it used where its search "
            "space begins"
        ) from None


def foreign_kinds(config: Any) -> set[str]:
    """The kinds in a setting, as plain data, that are not those of vrtune's own units."""
    units = config.values() if isinstance(config, dict) else ()
    kinds = {unit.get("kind") for unit in units if isinstance(unit, dict)}
    own = {
        kind
        for role in ROLES
        for kind, unit in role.enrolled.items()
        if unit.__module__.startswith("vrtune.")
    }
    return {kind for kind in kinds if isinstance(kind, str)} - own


def best_value(study: optuna.Study) -> float | None:
    """The best value so far. None if there is none, as in a study of several objectives."""
    if len(study.directions) > 1:
        return None
    values = [
        trial.value for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    ]
    better = max if study.direction is StudyDirection.MAXIMIZE else min
    return better((value for value in values if value is not None), default=None)


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
