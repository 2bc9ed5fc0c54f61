"""Judges the best trials again before one is chosen: the best of many was lucky, too.

All trials of a search share initial weights and orders of batches, one of each a fold, so their
values can't tell whether a setting works with others. Here the most promising trial is judged on
fresh ones, all folds once more, until the leader is one that was judged so often.
"""

from __future__ import annotations

from collections.abc import Callable

from vrtune.events import Confirming, Event
from vrtune.lanes.device import cores, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool, finite
from vrtune.searching.plan import Work
from vrtune.studies.choice import (
    Candidate,
    Confirmed,
    candidates,
    count_failed,
    failure_limit,
    keep,
)
from vrtune.studies.record import read_config

MOST = 4  # times the repeats of one trial are made for all together


def confirm(work: Work, progress: Callable[[Event], None]) -> None:
    """Judges the most promising trial once more, again and again, until it was judged as often as
    the settings say. The study keeps what was found."""
    repeats = work.request.settings.confirm
    for _ in range(MOST * repeats):
        found = candidates(work.study)
        if not found or found[0].repeats >= repeats:
            return
        limit = failure_limit([c.losses for c in found], work.workspace.dataset.classes)
        keep(work.study, _judge(work, found[0], limit, progress))


def _judge(
    work: Work, candidate: Candidate, limit: float, progress: Callable[[Event], None]
) -> Confirmed:
    """Trains a trial on all folds, with random numbers that it has not had; adds to what is known
    of it."""
    workspace, trial = work.workspace, candidate.trial
    config = read_config(work.study, trial)
    streams = workspace.again(candidate.repeats + 1)
    workspace.threads = cores(workspace.device)
    with one_thread(workspace.device):
        way = plan(workspace, config, work.request.settings.fuse, len(streams))
        pool = Pool(workspace, streams, fused=way.fused, most=way.most)
        pool.exchange([], {trial.number: config})
        for epoch in range(1, workspace.task.epochs + 1):
            train_losses = pool.train_epoch(lambda: None)
            progress(Confirming(trial=trial.number, epoch=epoch))
        standing = pool.validate(train_losses)[trial.number]
    known = candidate.confirmed
    losses = [*(known.losses if known else []), finite(standing.losses)]
    accuracies = [*(known.accuracies if known else []), finite(standing.accuracies)]
    every = [*candidate.losses, *standing.losses]
    spent = known.gradient_computations if known else 0.0
    return Confirmed(
        trial=trial.number,
        losses=losses,
        accuracies=accuracies,
        limit=limit,
        failed=count_failed(every, limit),
        trainings=len(every),
        gradient_computations=spent + standing.gradient_computations,
        mean=finite([sum(every) / len(every)])[0],
    )
