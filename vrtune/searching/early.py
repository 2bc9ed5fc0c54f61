"""Early stopping on the folds: when a trial stops, and how many of its epochs are kept.

Each fold's own best epoch would flatter it: that epoch was chosen by the part it is judged on. So
one number of epochs is kept for all folds, the mean of their best, and a trial is worth what its
folds say at that common epoch. What is left of the favour, one choice for all folds, the
confirmation on fresh starts takes away: it trains so many epochs and chooses nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from optuna.trial import TrialState

from vrtune.display.measures import cost
from vrtune.errors import UsageError
from vrtune.lanes.pool import Standing
from vrtune.lanes.workspace import Workspace
from vrtune.searching.entry import Entry, judged
from vrtune.searching.settings import SearchSettings
from vrtune.studies.folds import mean


@dataclass(frozen=True)
class EarlyStopping:
    """Stops trials whose mean over the folds has not improved for `patience` epochs; None: none."""

    patience: int | None
    direction: str  # which values are better

    @classmethod
    def of(cls, workspace: Workspace) -> EarlyStopping:
        """As the task says."""
        return cls(workspace.task.patience, workspace.objective.direction)

    def is_over(self, entry: Entry) -> bool:
        """Whether a trial is to stop: judged after every epoch, it has waited long enough."""
        if self.patience is None:
            return False
        means = [cost(mean(judged(standing)), self.direction) for standing in entry.judged]
        return len(means) - 1 - _first_least(means) >= self.patience

    def kept(
        self, entry: Entry, standing: Standing, state: TrialState
    ) -> tuple[Standing, dict[str, Any]]:
        """Where a complete trial stood at the epoch that is kept, at the price of all; and what is
        remembered of it. Of others, and without patience, that is its end."""
        if self.patience is None or state is not TrialState.COMPLETE:
            return standing, {}
        folds = zip(*(judged(each) for each in entry.judged), strict=True)
        best = [1 + _first_least([cost(v, self.direction) for v in values]) for values in folds]
        epochs = math.floor(mean(best) + 0.5)
        there = entry.judged[epochs - 1]
        entry.last = mean(judged(there))
        whole = replace(
            there, epoch=standing.epoch, gradient_computations=standing.gradient_computations
        )
        return whole, {"kept_epochs": epochs, "fold_epochs": best}


def check_early(patience: int | None, settings: SearchSettings) -> None:
    """UsageError for settings that early stopping can't go with."""
    if patience is None:
        return
    if settings.validate_at == "rungs":
        raise UsageError(
            "--patience counts epochs without a better value, so trials are judged after each: "
            "leave --validate-at out"
        )
    if settings.artifacts == "weights":
        raise UsageError(
            "--patience keeps an epoch before the last, whose weights are gone by then: use "
            "--artifacts curves, or vrtune retrain for weights of the kept number of epochs"
        )


def _first_least(costs: Sequence[float]) -> int:
    return min(range(len(costs)), key=costs.__getitem__)
