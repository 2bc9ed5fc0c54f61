"""Judges the best trials again before one is chosen: the best of many was lucky, too.

All trials of a search share initial weights and orders of batches, one of each a fold, so their
values can't tell whether a setting works with others. Here the most promising trial is judged on
fresh ones, all folds once more, until the leader is one that was judged so often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch

from vrtune.events import Confirming, Event, Noted, Stopped
from vrtune.lanes.device import cores, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool, finite
from vrtune.lanes.shortage import one_error_of_memory
from vrtune.lanes.steps import Steps
from vrtune.retraining.resuming import Resuming
from vrtune.searching.entry import judged
from vrtune.searching.interrupts import interrupts
from vrtune.searching.plan import Work
from vrtune.studies.choice import Candidate, Confirmed, candidates, keep, recounted
from vrtune.studies.configs import read_config
from vrtune.studies.outcome import kept_epochs
from vrtune.trial_config import TrialConfig

MOST = 4  # times the repeats of one trial are made for all together


def confirm(work: Work, progress: Callable[[Event], None]) -> None:
    """Judges the most promising trial once more, again and again, until it was judged as often as
    the settings say, or nothing is left that works. The study keeps what was found.

    Raises Stopped when the user wants to stop.
    """
    repeats = work.request.settings.confirming
    with interrupts() as stopping:
        for _ in range(MOST * repeats):
            leader = _leader(work)
            if leader is None or leader.repeats >= repeats or leader.failed == len(leader.losses):
                return
            try:
                with one_error_of_memory():
                    found = _judge(work, leader, stopping, progress)
            except torch.OutOfMemoryError:  # hours of search are not lost for that
                where = f"{work.workspace.device} has no memory left to judge trial"
                progress(Noted(text=f"{where} {leader.number} again: it is chosen without"))
                return
            keep(work.study, found)


def _leader(work: Work) -> Candidate | None:
    """The most promising trial; of several with the same settings the one known best."""
    known: dict[str, Candidate] = {}
    for each in recounted(candidates(work.study), work.workspace.objective.guess):
        settings = repr(sorted(each.trial.params.items()))
        if each.repeats > known.setdefault(settings, each).repeats:
            known[settings] = each
    return min(known.values(), key=lambda candidate: candidate.key, default=None)


def _judge(
    work: Work,
    candidate: Candidate,
    stopping: Callable[[], bool],
    progress: Callable[[Event], None],
) -> Confirmed:
    """Trains a trial on all folds, with random numbers that it has not had; adds to what is known
    of it."""
    workspace, trial, times = work.workspace, candidate.trial, work.request.settings.confirming
    config = read_config(work.study, trial)
    streams = workspace.again(candidate.repeats + 1)
    workspace.threads = cores(workspace.device)
    with one_thread(workspace.device):
        way = plan(workspace, config, work.request.settings.fuse, len(streams))
        pool = Pool(workspace, streams, fused=way.fused, most=way.most)
        steps = Steps(progress)

        def after_step() -> None:
            if stopping():
                raise Stopped
            steps.tell(pool)

        epochs, time = kept_epochs(trial) or workspace.task.epochs, candidate.repeats + 1
        resuming = _resuming(work, trial.number, config, time, progress)
        before = resuming.find()
        pool.exchange([], {trial.number: config}, before.states if before else None)
        done = before.told["epoch"] if before else 0
        said = Confirming(trial=trial.number, epoch=done, epochs=epochs, time=time, times=times)
        progress(said)
        for epoch in range(done + 1, epochs + 1):
            train_losses = pool.train_epoch(after_step)
            if epoch < epochs:
                resuming.write_due(pool, [trial.number], {"epoch": epoch})
            progress(replace(said, epoch=epoch))
        standing = pool.validate(train_losses)[trial.number]
        resuming.done()
    values, guess = judged(standing), workspace.objective.guess
    every = [*candidate.values, *values]
    now = Confirmed(
        trial=trial.number,
        losses=[finite(standing.losses)],
        accuracies=[finite(standing.accuracies)] if standing.accuracies else [],
        values=None if standing.metric == "loss" else [finite(values)],
        metrics={n: [finite(folds)] for n, folds in standing.metrics.items() if n != "accuracy"},
        trainings=len(every),
        gradient_computations=standing.gradient_computations,
        mean=finite([sum(every) / len(every)])[0],
        guess=guess if 0 < guess < math.inf else 0.0,
    )
    return now if candidate.confirmed is None else candidate.confirmed.and_then(now)


def _resuming(
    work: Work, number: int, config: TrialConfig, time: int, progress: Callable[[Event], None]
) -> Resuming:
    """The checkpoints of judging a trial again for the so-manieth time."""
    about = {
        **work.workspace.signature,
        "trial": {str(number): config.model_dump(mode="json")},
        "time that it is judged": time,
    }
    return Resuming(work.study, work.request.settings.storage, about, progress)
