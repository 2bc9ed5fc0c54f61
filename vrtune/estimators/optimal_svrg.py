"""alpha-SVRG with the coefficient that the gradients themselves call for."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock, WholeGradient
from vrtune.estimators.snapshots import Periodic, PeriodicSnapshots
from vrtune.later import Tensor, torch


class OptimalSVRG(Periodic):
    """SVRG with a coefficient that is measured for every coordinate on the way.

    d = g - A (g~ - mu~),  A = Cov(g~, g) / Var(g~),  g = g(w; B),  g~ = g(w~; B)

    Args:
        snapshot_period: epochs from a snapshot to the next, 1 or more.
        start_epoch: epochs of plain gradients before the first snapshot, 0 or more.
        start_share: the same as a share of the run, 0 to 1; the later of the two counts.
        memory: weight of past steps in A, above 0 and below 1.

    Example:
        >>> from vrtune import OptimalSVRG
        >>> OptimalSVRG(memory=0.9).cost  # gradient computations a step
        2.0

    References: Yin et al., ICLR 2025.
    """

    kind: Literal["optimal_svrg"] = "optimal_svrg"
    memory: float = Field(default=0.95, gt=0, lt=1, description="weight of past steps in A")


class OptimalSVRGEstimator(PeriodicSnapshots):
    """SVRG with the coefficient that makes the variance smallest, estimated along the way.

        d_t = g_t - A_t (g~_t - mu~),  g_t = g(w_t; B_t),  g~_t = g(w~; B_t)
        A*  = Cov(g~, g) / Var(g~)     for every coordinate

    Variance and covariance are exponential means over the steps before this one, about their own
    means, so A_t does not depend on B_t and the estimate stays unbiased; A_t is kept within 0..1,
    and is 1 in the first two steps after a snapshot, where w is still near w~.

    References: Yin et al., "A Coefficient Makes SVRG Effective", ICLR 2025, equation 6.
    """

    settings = OptimalSVRG

    def __init__(self, weights: Tensor) -> None:
        super().__init__(weights)
        for name in ("mean", "mean_snapshot", "covariance", "variance"):
            self.state[name] = torch.zeros_like(weights)
        self.state["seen"] = weights.new_zeros(len(weights), 1)  # steps since the snapshot

    def snapshot(self, rows: Tensor, weights: Tensor, whole_gradient: WholeGradient) -> None:
        super().snapshot(rows, weights, whole_gradient)
        for name in ("mean", "mean_snapshot", "covariance", "variance", "seen"):
            self.state[name].index_fill_(0, rows, 0.0)  # an assigned 0.0 would be the host's

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        state, seen = self.state, self.state["seen"]
        g, g_snapshot = gradient(weights, state["snapshot"])
        correction = self._coefficient().mul_(g_snapshot - state["mu"])
        d = g - correction.masked_fill_(self.since_start(hp, clock) < 0, 0.0)
        del correction  # rows of a large net: no more than needed at a time
        # the first step after a snapshot sets the means
        rate = torch.where(seen == 0, torch.ones_like(seen), 1 - hp["memory"])
        off, off_snapshot = g.sub_(state["mean"]), g_snapshot.sub_(state["mean_snapshot"])
        state["mean"].addcmul_(off, rate)
        state["mean_snapshot"].addcmul_(off_snapshot, rate)
        kept = torch.where(seen == 0, torch.zeros_like(seen), 1 - rate)
        state["covariance"].addcmul_(off.mul_(off_snapshot), rate).mul_(kept)
        state["variance"].addcmul_(off_snapshot.square_(), rate).mul_(kept)
        seen.add_(1.0)
        return d, None

    def _coefficient(self) -> Tensor:
        """A_t."""
        A = (self.state["covariance"] / self.state["variance"].clamp(min=1e-30)).clamp_(0.0, 1.0)
        return A.masked_fill_(self.state["seen"] < 2, 1.0)  # no spread is known before two steps
