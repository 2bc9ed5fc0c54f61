"""What `vrtune search` says at its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vrtune.cli.options import DEFAULT_STORAGE
from vrtune.cli.screen import command, figure, plus_minus, settings
from vrtune.display.results import failed_seeds
from vrtune.errors import VrtuneError

if TYPE_CHECKING:
    from vrtune.searching.result import SearchResult
    from vrtune.studies.choice import Confirmed


def summary(result: SearchResult) -> Iterator[tuple[str, str]]:
    """What came out, and how to go on."""
    yield from found(result)
    yield "next", proposed("show", result.study, storage=result.storage)
    yield "", proposed("dashboard", storage=result.storage)


def found(result: SearchResult) -> Iterator[tuple[str, str]]:
    """What came out."""
    best = result.best
    if best:
        yield "best trial", str(best.number)
        yield "parameters", settings(best.params)
        value, folds = result.measure.value, result.task.folds
        if result.task.holdout:
            yield value, f"{figure(best.value)}, of the part held out"
        else:
            yield value, f"{figure(best.value)}, the mean of {folds} folds"
            yield "folds", "  ".join(figure(value) for value in best.fold_values)
        if best.kept_epochs:
            yield "epochs kept", f"{best.kept_epochs} of {result.task.epochs}"
        if best.confirmed:
            yield "confirmed", _confirmed(best.confirmed)
        for note in best.edges:
            yield "note", note
    for again in result.retrained:
        which = "" if best and again.trial == best.number else f", trial {again.trial}"
        seeds = f" ({again.seeds} seed{'s' * (again.seeds > 1)}{which})"
        if tested := again.test_score:
            yield f"test {again.score}", plus_minus(tested) + seeds
            if again.seeds > 1:
                yield "of each seed", "  ".join(figure(value) for value in tested.values)
        if again.train_score:
            yield f"train {again.score}", plus_minus(again.train_score)
        if again.failed:
            yield "failed", failed_seeds(again.failed, again.seeds)
        yield "test loss", plus_minus(again.test_loss) + seeds
        if again.folder:
            yield "weights and curves", again.folder
    yield "trials", str(result.trials)
    spent, more = result.gradient_computations, result.confirm_gradient_computations
    judged = f"{result.confirmed} trial{'s' * (result.confirmed > 1)}"
    also = f", and {more:,.0f} to confirm {judged}" if more else ""
    yield "gradient computations", f"{spent:,.0f}{also}"
    yield "seconds", f"{result.seconds:.1f}"
    if result.occupancy is not None:
        yield "slots busy", f"{result.occupancy:.1%} of the time, until the last trial started"
        yield "outside training", f"{result.outside:.1%} of the search's time"
    yield "study", f"{result.study} in {result.storage}"


def proposed(name: str, *study: str, storage: str) -> str:
    """A command of vrtune on a study, to be copied."""
    where = [] if storage == DEFAULT_STORAGE else ["--storage", storage]
    if any(word.startswith("-") for word in study):  # or it would be read as an option
        return command("vrtune", name, *where, "--", *study)
    return command("vrtune", name, *study, *where)


def nothing_complete(result: SearchResult) -> VrtuneError:
    """What is wrong with a search that found nothing."""
    return VrtuneError(
        f"no trial of study {result.study!r} ran to its end: give it more trials or time"
    )


def kept(result: SearchResult) -> str:
    """What the study keeps of a search that was stopped, and how to go on."""
    if result.stopped_in in (None, "search"):
        return "open trials are queued again; the same command continues the study"
    again = proposed("retrain", result.study, storage=result.storage)
    return f"the study keeps its trials and what was confirmed; to train the best again: {again}"


def _confirmed(confirmed: Confirmed) -> str:
    """What all trainings of a trial say together: those of the search, and on fresh starts."""
    failed = f"{confirmed.failed} of them failed" if confirmed.failed else "none failed"
    fresh, count = sum(map(len, confirmed.losses)), confirmed.trainings
    mean = confirmed.mean
    said = "diverged in some" if mean is None else f"{figure(mean)}, the mean"
    return f"{said} of {count} trainings, {fresh} of them on fresh starts; {failed}"
