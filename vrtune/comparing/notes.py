"""What to bear in mind about a comparison, and the commands that make what is missing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from vrtune.comparing.ranges import range_notes
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.commands import on_study
from vrtune.display.figures import first_of
from vrtune.storages.urls import storage_options

TRUST = "search longer or confirm more often"
NAMED = 5  # methods that a note names


class Note(Settings):
    """Something to bear in mind, and the command that mends it, if there is one."""

    text: str
    command: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.command}" if self.command else self.text


def notes(tuned: Sequence[Tuned], storage: str) -> list[Note]:
    """A sentence each: of the ranges of every method, and of what no study says; what is to be said
    of several methods is said once."""
    said: dict[str, list[Tuned]] = defaultdict(list)
    for each in tuned:
        for note in range_notes(each):
            said[note].append(each)
        if each.again and each.again.failed:
            failed = f"{each.again.failed} of {each.again.seeds} seeds"
            said[f"{failed} diverged or learned little: {TRUST}"].append(each)
        if each.diagnosis and each.diagnosis.promised_in_vain:
            points = sum(reading.ratio is not None for reading in each.diagnosis.readings)
            said[
                f"trial {each.diagnosis.trial} had the variance of plain gradients at all {points} "
                "points measured, so it trained without variance reduction"
            ].append(each)
        if each.choice is None:
            said["no complete trial: search longer"].append(each)
    found = [Note(text=f"{_listed(of)}: {note}") for note, of in said.items()]
    untested = [each for each in tuned if each.choice and each.again is None]
    older = [each for each in tuned if each.again and each.again.train_score is None]
    score = older[0].measure.score if older else ""
    for of, what in (
        (untested, "not trained again and tested"),
        (older, f"trained again by an older vrtune, which kept no train {score}"),
    ):
        if of:
            command = on_study("retrain", of[0].study, *storage_options(storage))
            first = f"; for {of[0].label}" if len(of) > 1 else ""
            found.append(Note(text=f"{_listed(of)}: {what}{first}", command=command))
    return found


def _listed(tuned: Sequence[Tuned]) -> str:
    return first_of([each.label for each in tuned], NAMED)
