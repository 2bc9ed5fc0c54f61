"""How many trials of a study are in which state, and what interrupted ones cost."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from optuna.trial import FrozenTrial, TrialState

from vrtune.config import Settings
from vrtune.studies.leases import AGAIN, CUT_OFF
from vrtune.studies.outcome import CONTINUED, number, spent

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


class Interrupted(Settings):
    """What trials cost that were cut off by no fault of their settings."""

    trials: int = 0
    epochs: int = 0  # that they trained themselves
    repeated: int = 0  # epochs that they and those in their place trained more than once
    gradient_computations: float = 0.0  # that they made themselves

    def __str__(self) -> str:
        again = f" ({self.repeated} trained again)" if self.repeated else ""
        epochs = f"{self.epochs} epoch{'s' * (self.epochs != 1)}{again}"
        return f"{self.gradient_computations:,.0f} gradient computations, {epochs}"


def interrupted(trials: Sequence[FrozenTrial]) -> Interrupted:
    """What the interrupted trials of a study cost. Another takes the place of each, which goes on
    from a checkpoint or begins anew."""
    known = states(trials)
    cut = [trial for trial in trials if known[trial.number] == "interrupted"]
    first = dict[int, int]()  # by trial, the one whose place it takes in the end
    rows = defaultdict[int, list[FrozenTrial]](list)
    for trial in sorted(trials, key=lambda trial: trial.number):
        again = trial.user_attrs.get(AGAIN)
        place = first.get(again) if isinstance(again, int) else None
        first[trial.number] = trial.number if place is None else place
        rows[first[trial.number]].append(trial)
    return Interrupted(
        trials=len(cut),
        epochs=sum(map(own_epochs, cut)),
        repeated=sum(
            max(0, sum(map(own_epochs, row)) - max(t.last_step or 0 for t in row))
            for row in rows.values()
        ),
        gradient_computations=spent(cut),
    )


def own_epochs(trial: FrozenTrial) -> int:
    """Epochs that a trial trained itself: a continued one's curve begins with those of another."""
    return max(0, (trial.last_step or 0) - int(number(trial, CONTINUED) or 0))


def count(trials: Sequence[FrozenTrial]) -> Counts:
    """How many trials of a study are in which state."""
    return Counts(**Counter(states(trials).values()))
