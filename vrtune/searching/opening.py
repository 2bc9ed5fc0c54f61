"""The study of a search: opened or joined, with its goal, and the search entered in it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

import optuna
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.lanes.workspace import Workspace
from vrtune.searching.joining import opened_by
from vrtune.searching.prepare import Request
from vrtune.searching.settings import TRIALS
from vrtune.spaces import Space
from vrtune.spaces.points import PointTrial
from vrtune.storages.locks import locked
from vrtune.storages.opening import open_storage
from vrtune.studies.checkpoints import Checkpoints
from vrtune.studies.choice import confirmation, ranked
from vrtune.studies.goals import held, left, raise_goal
from vrtune.studies.grid import queue_grid, waiting
from vrtune.studies.leases import in_doubt, reclaim
from vrtune.studies.objects import objects_of
from vrtune.studies.presence import others, say
from vrtune.studies.record import StudyRecord, check_fits, open_study
from vrtune.studies.retrained import retrained
from vrtune.studies.searches import SearchEntry, begin

LOOK_S = 1.0  # between two looks at whether other processes live


def record_of(request: Request, workspace: Workspace) -> StudyRecord:
    """What the study of a search remembers."""
    dataset, objective = workspace.dataset, workspace.objective
    return StudyRecord(
        task=request.task,
        space=request.space.name,
        fingerprint=dataset.fingerprint,
        data_dir=str(request.settings.data_dir.resolve()),
        version=version("vrtune"),
        sources=request.space.files,
        space_fingerprint=request.space.fingerprint,
        class_names=dataset.class_names,
        metric=objective.metric,
        score=objective.score,
        direction=objective.direction,
        objects=objects_of(request.task),
    )


def opened(request: Request, workspace: Workspace) -> optuna.Study:
    """The study, made or continued, with what dead processes left in it and the grid queued; one
    that is joined, as it is. UsageError if it is of another task."""
    settings, record = request.settings, record_of(request, workspace)
    study = request.joined
    if study is not None:
        check_fits(study, record, settings.edited_space)
    else:
        storage = open_storage(settings.storage)
        study = open_study(storage, request.study, record, settings.edited_space)
    reclaim(study)
    Checkpoints(study, settings.storage).sweep()
    if request.joined is None:
        edited = settings.edited_space == "accept"
        known = partial(_settings_at, request.space) if edited else None
        queue_grid(study, request.points, known)
    return study


def _settings_at(space: Space, point: Mapping[str, Any]) -> dict[str, Any] | None:
    """What a point of the grid means; None for one that is pruned at once."""
    try:
        trial: Any = PointTrial(dict(point), "GRID")
        return space.suggest(trial).model_dump(mode="json")
    except optuna.TrialPruned:
        return None


def wanted(request: Request, study: optuna.Study) -> int:
    """Trials to run; of a grid no more than are left. UsageError if nothing at all is left."""
    if request.joined is not None:
        return _left(request, study)
    if not request.points:
        unlimited = None if request.settings.budget is None else sys.maxsize
        return request.settings.trials or unlimited or TRIALS
    while True:
        doubtful = in_doubt(study)  # before: who is dead by now is found so right after
        reclaim(study)
        if (left := waiting(study)) or not doubtful:
            break
        time.sleep(LOOK_S)
    if left or _to_conclude(request, study):
        return min(request.settings.trials or left, left)
    held = len(study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)))
    but = f" but for {held} trial{'s' * (held > 1)} that others train" if held else ""
    raise UsageError(
        f"study {study.study_name!r} has run its whole grid{but}: choose another --study"
    )


def _left(request: Request, study: optuna.Study) -> int:
    """The same of a study that is joined: what it is to have, or more of them."""
    trials = request.settings.trials or left(study)
    if request.points:
        trials = min(trials, waiting(study))
    if trials or request.works or held(study) or _to_conclude(request, study):
        return trials
    raise UsageError(
        f"study {study.study_name!r} has all the trials that it was to have, and they are "
        "concluded: give --trials for more"
    )


def _to_conclude(request: Request, study: optuna.Study) -> bool:
    """Whether an earlier search was stopped before it judged the best trial, or trained the best
    ones, again; or more of it is asked for."""
    best, settings = ranked(study), request.settings
    if best and not settings.retrain:  # else the retraining, which comes last, says it
        judged = confirmation(study, best[0].number)
        return settings.confirming > (len(judged.judged) if judged else 0)
    return any(retrained(study, trial.number) is None for trial in best[: settings.retrain])


def entered(
    request: Request,
    workspace: Workspace,
    study: optuna.Study,
    trials: int,
    *,
    processes: int,
    pids: Sequence[int],
    plan: str,
) -> tuple[SearchEntry, tuple[SearchEntry, ...]]:
    """Raises the goal of the study by so many trials, unless what is left of it will do, and enters
    the search, which others know of from now on; returns what is remembered of it, and the searches
    that go on beside it. What only trains trials belongs to the search that opened the study."""
    if request.works:
        return opened_by(study), ()
    settings, joins = request.settings, request.joined is not None
    with locked(study, "to begin a search"):
        beside = tuple(others(study))
        if not joins or settings.trials:
            grid = bool(request.points)  # others run the same points
            more = waiting(study) if grid and beside else trials
            raise_goal(
                study,
                None if more == sys.maxsize else more,
                None if joins else settings.budget,
                others=bool(beside) and not grid,
            )
        entry = begin(
            study,
            request.space,
            settings,
            device=request.device,
            processes=processes,
            others=pids,
            joined=joins,
            plan=plan,
            parameters=workspace.size.parameters,
            samples=len(workspace.indices),
            shape=workspace.dataset.shape,
        )
        say(study, entry)
    return entry, beside
