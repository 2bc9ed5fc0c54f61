"""replay(): a recorded trial trained again, and held against its record epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import optuna
import torch

from vrtune.config import Storage
from vrtune.display.progress import Progress, watching
from vrtune.errors import UsageError
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.plan import Fuse, Plan, plan
from vrtune.lanes.pool import finite
from vrtune.lanes.workspace import Workspace
from vrtune.replaying.comparison import allowed, first_apart, gaps
from vrtune.replaying.recorded import Recorded, read_recorded
from vrtune.replaying.result import Replay
from vrtune.replaying.training import Training
from vrtune.spaces import fingerprint
from vrtune.storages.opening import DEFAULT_URL, open_to_read
from vrtune.storages.quiet import quiet
from vrtune.studies.configs import foreign_kinds, read_config
from vrtune.studies.data import find_data
from vrtune.studies.objects import find_task
from vrtune.studies.record import load_study, read_record
from vrtune.studies.versions import versions
from vrtune.trial_config import TrialConfig


@quiet()
@checked
def replay(
    study: str,
    trial: int | None = None,
    *,
    storage: Storage = DEFAULT_URL,
    device: Device | None = None,
    data_dir: SomePath | None = None,
    progress: Progress = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Replay:
    """Trains a recorded trial again and compares each fold's value of each epoch with the record.

    On the same device, with the same versions, the values are the same in every bit. Where they
    are not, a twin is trained whose weights are nudged by one rounding after each step: a replay
    that is off by much more than the twin differs by more than rounding. Nothing is written.

    Args:
        study: the study's name.
        trial: the number of a trial that ended (complete, pruned, diverged); None: the best.
        storage: URL of the storage that keeps the study.
        device: where to train; None: on such a device as the trial was.
        data_dir: where data lie by now, or their own path; None: where the search found them.
        progress: whether to show it; or what is called with events instead.
        stopping: asked after each step; once it says True, Stopped is raised.

    Returns:
        Both courses, whether they are the same, and if not, where they part and by how much.

    Raises:
        UsageError: something in the request is wrong, such as a trial that is still running.
        VrtuneError: something in the surroundings is wrong, such as changed data.

    Example:
        >>> from vrtune import replay  # the study is that of search's example
        >>> replay("sgd-digits-softmax", progress=False).same
        True
    """
    url = str(storage)
    opened = load_study(open_to_read(url), study, url)
    recorded = read_recorded(opened, trial)
    config = read_config(opened, recorded.trial)  # what is wrong is told before data are read
    task, where = find_task(opened), _device(recorded, device)
    with watching(progress, doing="reading the data") as tell:
        data = find_data(opened, None if data_dir is None else Path(data_dir))
        workspace = Workspace(task, Path(), where, data, threads=cores(where))
        way = _way(workspace, config, recorded)
        run = Training(
            workspace,
            config,
            way,
            recorded.values,
            trial=recorded.trial.number,
            progress=tell,
            stopping=stopping,
        )
        return _compared(opened, recorded, config, workspace, run)


def _compared(
    study: optuna.Study,
    recorded: Recorded,
    config: TrialConfig,
    workspace: Workspace,
    run: Training,
) -> Replay:
    """Trains, and trains the twin if the values differ."""
    number, before, search = recorded.trial.number, recorded.values, recorded.search
    now = run.values(max(before), f"training trial {number} again")
    folds = len(workspace.folds)  # after an epoch that diverged none is judged: there is no value
    now = {epoch: now.get(epoch, [None] * folds) for epoch in before}
    found = partial(
        Replay,
        study=study.study_name,
        trial=number,
        state=recorded.state,
        metric=workspace.objective.metric,
        way=run.way.way,
        continued=recorded.continued,
        epochs=tuple(before),
        recorded=tuple(map(tuple, before.values())),
        replayed=tuple(map(tuple, now.values())),
        then=search.versions if search else None,
        now=versions(workspace.device),
    )
    apart = first_apart(before, now)
    if apart is None:
        return found(same=True)
    doing = f"training a twin of trial {number} that rounds otherwise"
    twin = run.values(max(before), doing, nudged=True)
    off, twins = gaps(before, now), gaps(now, twin)
    most = allowed(before, twins, _least(workspace))
    beyond = next((epoch for epoch in before if off[epoch] > most[epoch]), None)
    return found(
        same=False,
        first=apart,
        gaps=tuple(finite([*off.values()])),
        twins=tuple(finite([*twins.values()])),
        rounding=beyond is None,
        beyond=beyond,
        notes=_notes(study, recorded),
    )


def _device(recorded: Recorded, given: Device | None) -> torch.device:
    """The one that is asked for, or such a one as the trial was trained on. UsageError if there is
    none here."""
    was = recorded.search.versions.device if recorded.search else "cpu"
    if given is not None:
        return choose_device(given)
    kind = was if was in ("cpu", "mps") else "cuda"
    if kind == "cuda" and not torch.cuda.is_available():
        raise UsageError(
            f"trial {recorded.trial.number} was trained on {was}, and there is no CUDA device "
            "here: give --device cpu to see how far it is off there"
        )
    return choose_device(kind)


def _way(workspace: Workspace, config: TrialConfig, recorded: Recorded) -> Plan:
    """As the search trained, which chose by a rule on model, batch and device; on a device of
    another kind what it was told does not count."""
    search, lanes = recorded.search, len(workspace.folds)
    fuse: Fuse = "auto"
    at_once = None
    if search and (search.versions.device == "cpu") == (workspace.device.type == "cpu"):
        fuse = "on" if search.fuse == "on" else "off" if search.fuse == "off" else "auto"
        at_once = search.lanes if isinstance(search.lanes, int) else None
    with one_thread(workspace.device):
        return plan(workspace, config, fuse, lanes, at_once=at_once)


def _least(workspace: Workspace) -> float:
    """How far a value may jump by rounding: shares of labels change by a sample's, of which it may
    turn two in a validation part."""
    if workspace.objective.metric == "loss" or workspace.objective.numbers:
        return 0.0
    return 2 / min(len(fold.validation) for fold in workspace.folds)


def _notes(study: optuna.Study, recorded: Recorded) -> tuple[str, ...]:
    """What has changed since, that may be why."""
    record = read_record(study)
    if not foreign_kinds(recorded.trial.user_attrs.get("config")) or not record.space_fingerprint:
        return ()
    if fingerprint(record.sources) == record.space_fingerprint:
        return ()
    return (f"{record.sources[0]}, whose units it uses, holds another text than when it searched",)
