"""What a study says of a trial's training: the values of each fold after each epoch, and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import optuna
from optuna.trial import FrozenTrial

from vrtune.errors import UsageError
from vrtune.lanes.pool import finite
from vrtune.strategy.curves import fold_losses
from vrtune.studies.counts import states
from vrtune.studies.outcome import CONTINUED, number
from vrtune.studies.record import find_trial, numbered, read_record
from vrtune.studies.searches import SearchEntry, read_searches, search_of

Values = dict[int, list[float | None]]  # of each fold, by epoch; None where one is not finite


@dataclass(frozen=True)
class Recorded:
    """A trial that can be held against its record."""

    trial: FrozenTrial
    state: str
    values: Values
    search: SearchEntry | None  # that trained it, as far as the study says

    @property
    def continued(self) -> int | None:
        """The epoch of the checkpoint that it went on from."""
        epoch = number(self.trial, CONTINUED)
        return None if epoch is None else int(epoch)


def read_recorded(study: optuna.Study, given: int | None) -> Recorded:
    """A trial by number, or the best. UsageError if it has no values of folds to be compared."""
    trial = find_trial(study) if given is None else numbered(study, given)
    searches = read_searches(study)
    trials: Sequence[FrozenTrial] = study.get_trials(deepcopy=False)
    state = states(trials)[trial.number]
    if not trial.state.is_finished():
        raise UsageError(f"trial {trial.number} is {state}: replay it when it has ended")
    values = {
        epoch: finite(list(folds))
        for epoch in sorted(trial.intermediate_values)
        if (folds := fold_losses(trial, epoch))
    }
    task = read_record(study).task
    sound = all(0 < epoch <= task.epochs for epoch in values) and all(
        len(folds) == task.parts for folds in values.values()
    )
    if not values or not sound:
        what = "has other folds or epochs than its task" if values else "reported no fold's value"
        raise UsageError(
            f"trial {trial.number} ({state}) {what}, so there is nothing to compare a replay with: "
            "choose another (vrtune show)"
        )
    search = search_of(searches, trial) or next(reversed(searches), None)
    diverged = trial.user_attrs.get("diverged") is True
    return Recorded(trial, "diverged" if diverged else state, values, search)
