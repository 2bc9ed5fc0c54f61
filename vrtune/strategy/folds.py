"""FoldsPruner: gives up a trial that every fold says is lost, or was tried before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from optuna import Study
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState

from vrtune.errors import UsageError
from vrtune.strategy.curves import Curve, Curves, read
from vrtune.strategy.start import is_whole

MARGIN = 0.1  # behind the best by so much in log loss, at the start of a run, is lost
PACE = 0.15  # of its last epoch's fall is what a trial may be expected to keep until the end
TWIN = 0.01  # so near to another trial in log loss is the same


class FoldsPruner(BasePruner):
    """Compares a trial with others fold by fold, at the same epoch e of E.

    Lost: on every fold, log L(e) exceeds that of the rival with the best expected end by more than
    .1 (1 - e/E), and would still exceed the rival's last if it went on falling by .15 of its last
    epoch's fall. Twin: on every fold, log L(e) is within .01 of that of a trial that
    was not pruned, and started before it or is complete. None is judged before it has seen a tenth
    of the epochs. What is maximised counts as its negative. Where that is not positive
    everywhere, as of an accuracy, values over their spread (from the first to the third quartile of
    all) stand in place of logs, and twins are alike at every epoch: such values come in few steps.

    Folds of one study see the same weights and batches, so what all of them say is seldom luck.
    Values by fold are those of `report_folds`; without them the reported value is the only fold.

    Args:
        epochs: E, of a trial that is not pruned; 1 or more.
    Raises:
        UsageError: epochs is no such number.
    Example:
        >>> import optuna
        >>> from vrtune import FoldsPruner
        >>> study = optuna.create_study(pruner=FoldsPruner(epochs=20))
    """

    def __init__(self, epochs: int) -> None:
        if not is_whole(epochs, 1):
            raise UsageError(f"FoldsPruner has epochs={epochs!r}: give a whole number above 0")
        self.epochs = int(epochs)
        self.warm_up = max(1, self.epochs // 10)
        self._last: tuple[list[object], list[FrozenTrial], Curves] | None = None

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        """Whether to give up a trial after the epoch that it reported last."""
        epoch = trial.last_step
        if epoch is None or not self.warm_up < epoch < self.epochs:
            return False
        curves = self._curves(study, trial)
        own = next((c for c in curves.known if c.trial.number == trial.number), None)
        rivals = [c for c in curves.known if c is not own and epoch in c.folds]
        if own is None or not rivals:
            return False
        if self._lost(own, rivals, curves, epoch):
            return True
        return _twin(own, rivals, [epoch] if curves.log else list(own.folds))

    def _curves(self, study: Study, trial: FrozenTrial) -> Curves:
        """Those of all trials: the same for all that are judged before one of them goes on."""
        trials = [
            trial if other.number == trial.number else other
            for other in study.get_trials(deepcopy=False)
        ]
        now: list[object] = [(id(t), t.state, len(t.intermediate_values)) for t in trials]
        last = self._last  # other threads may set it
        if last is None or last[0] != now:
            last = self._last = now, trials, read(study, trials)
        return last[2]

    def _lost(self, own: Curve, rivals: list[Curve], curves: Curves, epoch: int) -> bool:
        best = min(rivals, key=lambda c: (curves.expected(c), c.trial.number))
        if _gap(own, epoch, best, epoch).min() <= MARGIN * (1 - epoch / self.epochs):
            return False
        before = max((e for e in own.folds if e < epoch), default=None)
        if before is None:
            return False
        fall = (own.folds[before] - own.folds[epoch]) / (epoch - before)
        still = PACE * np.maximum(fall, 0) * (self.epochs - epoch)
        return bool((_gap(own, epoch, best, best.last) - still).min() > 0)


def _twin(own: Curve, rivals: list[Curve], epochs: Sequence[int]) -> bool:
    alive = [c for c in rivals if c.trial.state is not TrialState.PRUNED]  # or another has ended
    older = [c for c in alive if c.trial.number < own.trial.number or c.final is not None]
    return any(
        all(e in rival.folds and np.abs(_gap(own, e, rival, e)).max() < TWIN for e in epochs)
        for rival in older
    )


def _gap(one: Curve, epoch: int, other: Curve, then: int) -> np.ndarray:
    """By how much a trial's log losses exceed another's, fold by fold if both report folds."""
    ours, theirs = one.folds[epoch], other.folds[then]
    if len(ours) != len(theirs):
        return np.array([one.means[epoch] - other.means[then]])
    return ours - theirs
