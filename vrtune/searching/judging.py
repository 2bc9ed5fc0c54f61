"""What an epoch's standings mean for the trials: they are reported, and some of them end."""

from __future__ import annotations

import math
from collections.abc import Container

import optuna
from optuna.trial import TrialState

from vrtune.lanes.pool import Standing
from vrtune.searching.early import EarlyStopping
from vrtune.searching.entry import Entry, judged
from vrtune.searching.ledger import Ledger
from vrtune.studies.folds import mean
from vrtune.studies.frozen import Pruning


class Judging:
    """Reports to the ledger and to the pruner, and says which trials end."""

    def __init__(
        self,
        study: optuna.Study,
        ledger: Ledger,
        early: EarlyStopping,
        epochs: int,
        decided_at: Container[int] | None,
    ) -> None:
        """Trials have `epochs` at the most, and are pruned at those of `decided_at`, or any."""
        self.ledger, self.early = ledger, early
        self.epochs, self.decided_at = epochs, decided_at
        self.pruning = Pruning(study, write=ledger.note)
        self.blind = False  # the storage is away: nobody is pruned, as others are not known

    def decides(self, epoch: int) -> bool:
        """Whether the pruner may end a trial after this epoch."""
        return epoch < self.epochs and (self.decided_at is None or epoch in self.decided_at)

    def refresh(self) -> None:
        """Has the trials be read for the next decisions, on the ledger's thread."""
        self.ledger.later(self.pruning.refresh)

    def report(self, entry: Entry, standing: Standing) -> bool:
        """Takes down where a trial stands; True if it has diverged."""
        for earlier in entry.judged[: entry.unreported]:  # of the trial that it continues
            self._report(entry, earlier)
            self._pruned(entry, earlier.epoch)  # has the pruner note that it was there
        entry.unreported, entry.states = 0, []
        entry.epoch, entry.spent = standing.epoch, standing.gradient_computations
        entry.costs.append(entry.spent)
        if not standing.losses:
            return False
        entry.judged.append(standing)
        value = mean(judged(standing))
        sound = math.isfinite(value)
        if sound:
            entry.last = value
        self._report(entry, standing)
        return not sound

    def end(self, entry: Entry, standing: Standing, *, diverged: bool) -> TrialState | None:
        """How a trial ends now; None if it goes on."""
        if not standing.losses:
            return None
        if diverged or self._pruned(entry, standing.epoch):
            return TrialState.PRUNED
        over = standing.epoch >= self.epochs or self.early.is_over(entry)
        return TrialState.COMPLETE if over else None

    def _report(self, entry: Entry, standing: Standing) -> None:
        values, epoch = judged(standing), standing.epoch
        self.ledger.report(entry, values, epoch, standing.gradient_computations)
        if self.decides(epoch) and not self.blind:  # it is read from the storage later
            self.pruning.report(entry.trial.number, epoch, values)

    def _pruned(self, entry: Entry, epoch: int) -> bool:
        seen = self.decides(epoch) and not self.blind
        return seen and self.pruning.should_prune(entry.trial.number)
