"""SCSG, or streaming SVRG: snapshots over a few batches, used at once and forgotten."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock
from vrtune.estimators.snapshots import KeepsSnapshot, Snapshots
from vrtune.later import Tensor


class SCSG(KeepsSnapshot):
    """SVRG with snapshots over the next few batches, in place of the whole training set.

    d = g(w; B) - g(w~; B) + mu~,  mu~: the mean of g(w~; B) over `mega_batch` batches

    Args:
        mega_batch: batches that a snapshot is taken over, 2 or more.

    Example:
        >>> from vrtune import SCSG
        >>> SCSG(mega_batch=5).batches
        5

    References: Lei & Jordan, AISTATS 2017.
    """

    kind: Literal["scsg"] = "scsg"
    mega_batch: int = Field(default=10, ge=2, description="batches of a snapshot")

    @property
    def batches(self) -> int:
        return self.mega_batch


class SCSGEstimator(Snapshots):
    """Stochastically controlled stochastic gradient.

        every `mega_batch` steps:  w~ <- w,  mu~ = mean of g(w~; B) over the next so many batches
        d_t = g(w_t; B_t) - g(w~; B_t) + mu~  on each of those batches, once

    Three gradient computations a step: two, and the mega-batch's pass.

    References: Lei & Jordan, AISTATS 2017; as "streaming SVRG", with this number of inner steps:
    Defazio & Bottou, NeurIPS 2019.
    """

    settings = SCSG

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        d, g_snapshot = gradient(weights, self.state["snapshot"])
        return d.sub_(g_snapshot).add_(self.state["mu"]), None
