"""Figures that can't be drawn yet: why, and the commands that would add them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vrtune.comparing.tuned import Tuned
from vrtune.display.commands import on_study
from vrtune.figures.importances import ENOUGH
from vrtune.storages.urls import DEFAULT_URL, storage_options


@dataclass(frozen=True)
class Missing:
    """Something that is not there, and what would add it."""

    why: str
    commands: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.why}: {', '.join(self.commands)}" if self.commands else self.why


def missing(tuned: Sequence[Tuned], storage: str = DEFAULT_URL) -> list[Missing]:
    """What is not shown of studies.

    Args:
        tuned: what the studies found.
        storage: the URL of the storage that keeps them, for the commands.

    Returns:
        Why a figure is not there, and the commands that would add it.
    """
    where = storage_options(storage)

    def missing_of(
        what: str, lack: Callable[[Tuned], bool], command: str, *options: str
    ) -> list[Missing]:
        those = [each for each in tuned if lack(each)]
        if not those:
            return []
        of = "any study" if len(those) == len(tuned) > 1 else ", ".join(t.study for t in those)
        commands = tuple(on_study(command, each.study, *options, *where) for each in those)
        return [Missing(what.format(of), commands)]

    without = [each.study for each in tuned if each.choice is None]
    return [
        *(
            Missing(f"{study} has no complete trial, so nothing is said of it: search longer", ())
            for study in without
        ),
        *missing_of(
            "There are no test results and no training curves of {}",
            lambda each: bool(each.choice) and each.again is None,
            "retrain",
        ),
        *missing_of(
            "There are no test curves of {}: the test loss after every epoch is recorded where "
            "it is asked for",
            lambda each: each.again is not None and each.again.test_losses is None,
            "retrain",
            "--test-curve",
        ),
        *missing_of(
            "The variance between snapshots was not measured in a training of {}",
            lambda each: bool(each.choice) and each.diagnosis is None,
            "diagnose",
        ),
        *_few(tuned),
    ]


def _few(tuned: Sequence[Tuned]) -> list[Missing]:
    """Importances need many complete trials of several parameters."""
    those = [
        each.study
        for each in tuned
        if len({name for t in each.trials for name in t.ranges}) > 1 and len(each.complete) < ENOUGH
    ]
    if not those:
        return []
    of = "any study" if len(those) == len(tuned) > 1 else ", ".join(those)
    why = (
        f"There are no importances of the parameters of {of}, which need {ENOUGH} complete trials: "
        "search on with more --trials"
    )
    return [Missing(why, ())]
