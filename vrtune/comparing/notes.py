"""What to bear in mind about a comparison, and the commands that make what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vrtune.comparing.ranges import range_notes
from vrtune.comparing.tuned import Tuned
from vrtune.display.commands import on_study
from vrtune.display.figures import first_of
from vrtune.storages.urls import storage_options

TRUST = "search longer or confirm more often"
NAMED = 5  # methods that a note names


def notes(tuned: Sequence[Tuned], storage: str) -> list[str]:
    """A sentence each: of the ranges of every method, and of what no study says; what is to be said
    of several methods is said once."""
    said: dict[str, list[Tuned]] = defaultdict(list)
    for each in tuned:
        for note in range_notes(each):
            said[note].append(each)
        if each.again and each.again.failed:
            failed = f"{each.again.failed} of {each.again.seeds} seeds"
            said[f"{failed} diverged or learned little: {TRUST}"].append(each)
        if (found_plain := _plain(each)) is not None:
            said[found_plain].append(each)
        if each.choice is None:
            said["no complete trial: search longer"].append(each)
    found = [f"{_listed(of)}: {note}" for note, of in said.items()]
    untested = [each for each in tuned if each.choice and each.again is None]
    older = [each for each in tuned if each.again and each.again.train_accuracy is None]
    for of, what in (
        (untested, "not trained again and tested"),
        (older, "trained again by an older vrtune, which kept no train accuracy"),
    ):
        if of:
            command = on_study("retrain", of[0].study, *storage_options(storage))
            first = f"; for {of[0].label}" if len(of) > 1 else ""
            found.append(f"{_listed(of)}: {what}{first}: {command}")
    return found


def _plain(tuned: Tuned) -> str | None:
    """Where a diagnosis found that a method's estimate is the plain gradient: STORM with a = 1."""
    if tuned.diagnosis is None or tuned.diagnosis.config.estimator.kind == "plain":
        return None
    ratios = [each.ratio for each in tuned.diagnosis.readings if each.ratio is not None]
    if not ratios or any(ratio != 1.0 for ratio in ratios):
        return None
    return (
        f"trial {tuned.diagnosis.trial} had the variance of plain gradients at all {len(ratios)} "
        "points measured, so it trained without variance reduction"
    )


def _listed(tuned: Sequence[Tuned]) -> str:
    return first_of([each.label for each in tuned], NAMED)
