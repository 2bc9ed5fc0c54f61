"""The progress of a study that others train, told by what its storage holds."""

from __future__ import annotations

import math

import optuna
from optuna.trial import FrozenTrial, TrialState

from vrtune.display.progress import Listener
from vrtune.events import Finished, RoundEnded
from vrtune.studies.leases import CUT_OFF
from vrtune.studies.outcome import number, spent

NAMES = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


class Watch:
    """Says what has happened since the last look. What had ended before the first is known."""

    def __init__(self, study: optuna.Study, parts: int, progress: Listener) -> None:
        """`parts`: lanes of a trial."""
        self.study, self.parts, self.progress = study, parts, progress
        self.known = {t.number for t in self._trials() if t.state.is_finished()}
        self.mine: dict[int, FrozenTrial] = {}  # those that have ended since

    def look(self) -> None:
        """Tells of trials that ended, and how far the others are."""
        trials = self._trials()
        for trial in trials:
            if trial.state.is_finished() and trial.number not in self.known:
                self.known.add(trial.number)
                self.mine[trial.number] = trial
                self.progress(finished(trial))
        running = [trial for trial in trials if trial.state is TrialState.RUNNING]
        if running or self.mine:
            self.progress(
                RoundEnded(
                    running=len(running),
                    lanes=len(running) * self.parts,
                    spent=spent(self.mine.values()),
                    behind=sum(trial.last_step or 0 for trial in running),
                )
            )

    def _trials(self) -> list[FrozenTrial]:
        return self.study.get_trials(deepcopy=False)


def finished(trial: FrozenTrial) -> Finished:
    """The end of a trial, as its storage tells of it."""
    attrs, reported = trial.user_attrs, sorted(trial.intermediate_values.items())
    state = NAMES[trial.state]
    if attrs.get("diverged") is True:
        state = "diverged"
    elif state == "failed" and attrs.get(CUT_OFF) is True:
        state = "put back"
    return Finished(
        number=trial.number,
        state=state,
        value=next((value for _, value in reversed(reported) if math.isfinite(value)), None),
        epoch=trial.last_step or 0,
        params=dict(trial.params),
        seconds=number(trial, "seconds") or 0.0,
        reason=str(attrs.get("error", "")),
    )
