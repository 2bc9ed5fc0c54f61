"""SVRG: a snapshot's whole gradient corrects every mini-batch gradient."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock
from vrtune.estimators.snapshots import Periodic, PeriodicSnapshots
from vrtune.later import Tensor


class SVRG(Periodic):
    """Corrects every mini-batch gradient by the whole gradient at a snapshot of the weights.

    d = g(w; B) - g(w~; B) + mu~,  mu~ = grad F(w~),  w~: the last snapshot

    Args:
        snapshot_period: epochs from a snapshot to the next, 1 or more.
        start_epoch: epochs of plain gradients before the first snapshot, 0 or more.
        start_share: the same as a share of the run, 0 to 1; the later of the two counts.

    Example:
        >>> from vrtune import SGD, SVRG, TrialConfig
        >>> TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.1)).estimator.period
        2

    References: Johnson & Zhang, NeurIPS 2013.
    """

    kind: Literal["svrg"] = "svrg"
    snapshot_period: int = Field(default=5, ge=1, description="epochs between snapshots")


class SVRGEstimator(PeriodicSnapshots):
    """Stochastic variance reduced gradient.

        mu~ = grad F(w~) over the whole training part,  w~ <- w  every `snapshot_period` epochs
        d_t = g(w_t; B_t) - g(w~; B_t) + mu~
        d_t = g(w_t; B_t)                                  in the first `start_epoch` epochs

    Two gradient computations a step and one pass over the training part a snapshot. The batches
    stay the same from a snapshot to the next, so with batch norm mu~ is the mean of exactly the
    gradients g(w~; B) that are subtracted. It weights each batch by its size, as the mean over
    samples does; other implementations take the mean over batches, the smaller last one included.

    References: Johnson & Zhang, "Accelerating Stochastic Gradient Descent using Predictive
    Variance Reduction", NeurIPS 2013; the late start: Defazio & Bottou, NeurIPS 2019.
    """

    settings = SVRG

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        d, g_snapshot = gradient(weights, self.state["snapshot"])
        correction = g_snapshot.sub_(self.state["mu"])
        return d.sub_(correction.masked_fill_(self.since_start(hp, clock) < 0, 0.0)), None
