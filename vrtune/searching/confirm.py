"""Judges the best trials again before one is chosen: the best of many was lucky, too.

All trials of a search share initial weights and orders of batches, one of each a fold, so their
values can't tell whether a setting works with others. Here the most promising trial is judged on
fresh ones, again and again, until it is one that was.
"""

from __future__ import annotations

from collections.abc import Callable

from vrtune.events import Confirming, Event
from vrtune.lanes.device import cores, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool, finite
from vrtune.searching.plan import Work
from vrtune.studies.choice import Candidate, Confirmed, candidates, count_failed, keep
from vrtune.studies.record import read_config

MOST = 6  # trials that are judged again


def confirm(work: Work, progress: Callable[[Event], None]) -> None:
    """Judges the most promising trial again, until it has been, or MOST were. The study keeps what
    was found."""
    repeats = work.request.settings.confirm
    for _ in range(MOST if repeats else 0):
        found = candidates(work.study)
        if not found or (found[0].confirmed and len(found[0].confirmed.losses) >= repeats):
            return
        keep(work.study, _judge(work, found[0], repeats, progress))


def _judge(
    work: Work, candidate: Candidate, repeats: int, progress: Callable[[Event], None]
) -> Confirmed:
    """Trains a trial on all folds, `repeats` times at once, each with random numbers of its own."""
    workspace, trial = work.workspace, candidate.trial
    config = read_config(work.study, trial)
    streams = workspace.repeats(repeats)
    workspace.threads = cores(workspace.device)
    with one_thread(workspace.device):
        way = plan(workspace, config, work.request.settings.fuse, len(streams))
        pool = Pool(workspace, streams, fused=way.fused, most=way.most)
        pool.exchange([], {trial.number: config})
        for epoch in range(1, workspace.task.epochs + 1):
            train_losses = pool.train_epoch(lambda: None)
            progress(Confirming(trial=trial.number, epoch=epoch))
        standing = pool.validate(train_losses)[trial.number]
    before = [float("nan") if v is None else v for v in trial.user_attrs["fold_values"]]
    losses = [*before, *standing.losses]
    parts = workspace.task.parts
    return Confirmed(
        trial=trial.number,
        losses=_rows(standing.losses, parts),
        accuracies=_rows(standing.accuracies, parts),
        failed=count_failed(losses, workspace.dataset.classes),
        trainings=len(losses),
        gradient_computations=standing.gradient_computations,
        mean=finite([sum(losses) / len(losses)])[0],
    )


def _rows(values: list[float], size: int) -> list[list[float | None]]:
    known = finite(values)
    return [known[at : at + size] for at in range(0, len(known), size)]
