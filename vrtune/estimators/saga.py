"""SAGA: each sample's last gradient is its control variate."""

from __future__ import annotations

from typing import Literal

from vrtune.estimators.tabled import KeepsTable, Tabled
from vrtune.later import Tensor


class SAGA(KeepsTable):
    """A table of gradients corrects every mini-batch gradient: no passes, one gradient a step.

    d = g(w; B) - mean_{i in B} T_i + mean T,  then T_i <- g_i(w)

    Args:
        table: what has an entry. "partition": a batch, of a partition that is held over the run,
            for any model; of samples, which batch norm can't have, "naive", "factored" (a
            linear layer's inputs and output gradients, exact and small) or "svd" (each tensor's
            gradient at a low rank).
        rank: of svd, 1 or more.

    Example:
        >>> from vrtune import SAGA, SGD, TrialConfig
        >>> accelerated = SGD(lr=0.1, momentum=0.9, nesterov=True)
        >>> TrialConfig(estimator=SAGA(table="factored"), optimizer=accelerated).estimator.cost
        1.0

    References: Defazio, Bach & Lacoste-Julien, NeurIPS 2014; El Hanchi.
    """

    kind: Literal["saga"] = "saga"


class SAGAEstimator(Tabled):
    """SAGA on mini-batches.

        d_t = g(w_t; B_t) - mean_{i in B_t} T_i + s mean(T),   then T_i <- g_i(w_t)

    mean(T) is over the samples seen so far, and s the share of B_t that is among them: a sample
    that comes for the first time has no control variate yet. So the first epoch is that of plain
    gradients, as all of its samples are new: to add mean(T) there would double the gradient.
    A last batch that is short counts as it does with plain gradients. With augmentation an entry
    is the gradient of the view that was seen last. One gradient computation a step.

    References: Defazio, Bach & Lacoste-Julien, "SAGA: A fast incremental gradient method with
    support for non-strongly convex composite objectives", NeurIPS 2014; of mini-batches and
    partitions Gower, Richtarik & Bach 2018; of tables El Hanchi.
    """

    settings = SAGA

    def direction(self, change: Tensor, seen: Tensor, samples: int) -> Tensor:
        mean = self.state["sum"] / self.state["count"].clamp(min=1.0)
        return change.addcmul(mean, seen)
