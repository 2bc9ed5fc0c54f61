"""How many trials of a study are in which state."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from vrtune.config import Settings
from vrtune.studies.leases import AGAIN, CUT_OFF

STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "queued",
}


class Counts(Settings):
    """How many trials are in which state; an interrupted one ended by no fault of its settings."""

    complete: int = 0
    pruned: int = 0
    failed: int = 0
    interrupted: int = 0
    running: int = 0
    queued: int = 0

    def __str__(self) -> str:
        counts = self.model_dump()
        shown = [name for name, n in counts.items() if n or name in ("complete", "pruned")]
        return ", ".join(f"{counts[name]} {name}" for name in shown)


def states(trials: Sequence[FrozenTrial]) -> dict[int, str]:
    """The state of each trial by its number. To Optuna interrupted trials have failed: a mark tells
    them, or, in studies of older versions, the trial that repeats one."""
    found = {trial.number: STATES[trial.state] for trial in trials}
    for trial in trials:
        if CUT_OFF in trial.user_attrs and trial.state is TrialState.FAIL:
            found[trial.number] = "interrupted"
        again = trial.user_attrs.get(AGAIN)
        if isinstance(again, int) and again in found:
            found[again] = "interrupted"
    return found


def count(trials: Sequence[FrozenTrial]) -> Counts:
    """How many trials of a study are in which state."""
    return Counts(**Counter(states(trials).values()))
