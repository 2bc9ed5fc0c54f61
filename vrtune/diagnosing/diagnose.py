"""diagnose(): a training with the variance of its estimate measured between snapshots."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from vrtune.config import Storage, Task
from vrtune.data import Dataset
from vrtune.diagnosing.measure import measure, quotient
from vrtune.display.progress import Progress, watching
from vrtune.errors import UsageError
from vrtune.events import Event, Retraining, Stopped
from vrtune.given.arguments import Device, SomePath, checked
from vrtune.lanes.batches import bounds
from vrtune.lanes.device import choose_device, cores, one_thread
from vrtune.lanes.memory import check_trainings, told_of_memory
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.steps import Steps
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace
from vrtune.storages.opening import DEFAULT_URL, open_storage
from vrtune.studies.configs import read_config
from vrtune.studies.data import find_data
from vrtune.studies.diagnosed import Diagnosis, Reading, keep
from vrtune.studies.objects import find_task
from vrtune.studies.record import find_trial, load_study
from vrtune.trial_config import TrialConfig

SHARES = (0.02, 0.11, 0.33, 0.5, 1.0)  # of the way from a snapshot to the next
INTERVALS = 10  # measured in a training, at most


class _Watch:
    """Called after every step of a lane; measures when it is time to."""

    def __init__(self, lanes: Lanes, shares: Sequence[float], intervals: int) -> None:
        self.lanes, self.readings = lanes, list[Reading]()
        lane = lanes.seats[0]
        method = lane.config.estimator
        self.count = len(bounds(len(lane.stream.train), lanes.batch_size))
        self.mega = method.batches
        period = method.period if method.keeps_snapshot else 1
        self.steps = self.mega or period * self.count  # of an interval
        total = lanes.epochs * self.count / self.steps
        self.every = max(1, math.ceil(total / intervals))
        self.when = {max(1, round(share * self.steps)): share for share in reversed(shares)}
        self.last = (-1, -1)

    def __call__(self) -> None:
        lane, done = self.lanes.seats[0], self.lanes.steps_done
        if not done or (lane.epoch, done) == self.last:  # a snapshot's own pass
            return
        if not lane.started:  # gradients are plain ones yet
            return
        self.last = (lane.epoch, done)
        step = lane.epoch * self.count + done
        if self.mega:
            first = (done - 1) // self.mega * self.mega
            interval, since = (step - 1) // self.steps, done - first
        else:
            interval = lane.partition * self.count // self.steps
            since = (lane.epoch - lane.partition) * self.count + done
        if interval % self.every or since not in self.when:
            return
        found = measure(self.lanes)
        values = {
            name: math.nan if value is None else float(value[0])
            for name, value in vars(found).items()
        }
        plain = values["gradient_variance"]
        values["ratio"] = values["variance"] / plain if plain else math.nan
        known = dict(zip(values, finite([*values.values()]), strict=True))
        self.readings.append(Reading(epoch=step / self.count, share=self.when[since], **known))


def diagnose_config(
    config: TrialConfig,
    task: Task,
    *,
    trial: int = 0,
    shares: Sequence[float] = SHARES,
    intervals: int = INTERVALS,
    data_dir: str | Path = "data",
    dataset: Dataset | None = None,
    device: Device = "auto",
    progress: Callable[[Event], None] = lambda event: None,
    stopping: Callable[[], bool] = lambda: False,
) -> Diagnosis:
    """Trains one setting once on the whole training set and measures its estimate's variance.

    Args:
        config: the setting.
        task: data, model and epochs; its folds play no part.
        trial: the number that the result bears.
        shares: when to measure: shares of the way between snapshots, above 0 and at most 1.
        intervals: how many of these ways to measure on, at most; 1 or more.
        data_dir: where data sets lie, or are downloaded to.
        dataset: the data, if they were read before.
        device: where to train; auto: CUDA where there is one.
        progress: called with an event after each epoch, and within it.
        stopping: asked after each step; once it says True, Stopped is raised.

    Returns:
        The readings in the order they were taken, and the training losses.

    Raises:
        UsageError: something in the request is wrong, or the training does not fit the memory.
        VrtuneError: something in the surroundings is wrong, such as missing data.

    Example:
        >>> from vrtune import SGD, SVRG, Task, TrialConfig
        >>> from vrtune.diagnosing.diagnose import diagnose_config
        >>> config = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=0.1))
        >>> found = diagnose_config(config, Task(model="softmax", epochs=1), shares=[0.1])
        >>> found.readings[0].ratio < 1  # SVRG helps near its snapshot
        True
    """
    if not shares or not all(0 < share <= 1 for share in shares) or intervals < 1:
        raise UsageError("shares must lie above 0 and at most at 1, intervals be at least 1")
    where = choose_device(device)
    workspace = Workspace(task, Path(data_dir), where, dataset, threads=cores(where))
    check_trainings(workspace, config, 1)
    with one_thread(where), told_of_memory(workspace, 1):
        fused = plan(workspace, config, "auto", 1).fused
        pool = Pool(workspace, workspace.seeds(1), fused=fused)
        pool.exchange([], {trial: config})
        (lanes,) = pool.groups.values()
        (found,) = finite(quotient(lanes).tolist())
        doing = f"measuring the variance of trial {trial}"
        progress(Retraining(epoch=0, epochs=task.epochs, doing=doing))
        watch, losses, steps = _Watch(lanes, shares, intervals), list[float](), Steps(progress)

        def after_step() -> None:
            if stopping():
                raise Stopped
            steps.tell(pool)
            watch()

        for epoch in range(1, task.epochs + 1):
            losses += pool.train_epoch(after_step)[trial]
            progress(Retraining(epoch=epoch, epochs=task.epochs))
    return Diagnosis(
        trial=trial,
        config=config,
        model=task.model,
        gradient_quotient=found,
        readings=tuple(watch.readings),
        train_losses=tuple(finite(losses)),
    )


@checked
def diagnose(
    study: str,
    trial: int | None = None,
    *,
    storage: Storage = DEFAULT_URL,
    epochs: int | None = None,
    shares: Sequence[float] = SHARES,
    intervals: int = INTERVALS,
    data_dir: SomePath | None = None,
    device: Device = "auto",
    progress: Progress = True,
    stopping: Callable[[], bool] = lambda: False,
) -> Diagnosis:
    """Trains a trial again and measures how much variance its gradient estimate has on the way.

    ratio = Var(d) / Var(g(w; B)), summed over coordinates; the study keeps what was found

    Args:
        study: the study's name.
        trial: a complete trial's number; None: the best.
        storage: URL of the storage that keeps the study.
        epochs: passes over the training set; None: the task's.
        shares: when to measure: shares of the way between snapshots, above 0 and at most 1.
        intervals: how many of these ways to measure on, at most; 1 or more.
        data_dir: where data lie by now, or their own path; None: where the search found them.
        device: where to train; auto: CUDA where there is one.
        progress: whether to show it; or what is called with events instead.
        stopping: asked after each step; once it says True, Stopped is raised.

    Returns:
        The readings in the order they were taken, and the training losses.

    Raises:
        UsageError: something in the request is wrong, such as the study's name.
        VrtuneError: something in the surroundings is wrong, such as changed data.

    Example:
        >>> from vrtune import diagnose  # the study is that of search's example
        >>> diagnose("sgd-digits-softmax").readings[-1].ratio  # plain gradients keep it all
        1.0
    """
    if epochs is not None and epochs < 1:
        raise UsageError("epochs must be at least 1")
    url = str(storage)
    opened = load_study(open_storage(url, create=False), study, url)
    task = find_task(opened)
    chosen = find_trial(opened, trial)
    task = task if epochs is None else task.model_copy(update={"epochs": epochs})
    config = read_config(opened, chosen)  # what is wrong with it is told before data are read
    with watching(progress, doing="reading the data") as tell:
        found = diagnose_config(
            config,
            task,
            trial=chosen.number,
            shares=shares,
            intervals=intervals,
            dataset=find_data(opened, None if data_dir is None else Path(data_dir)),
            device=device,
            progress=tell,
            stopping=stopping,
        )
    keep(opened, found)
    return found
