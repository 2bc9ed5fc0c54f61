"""SAG: the mean of each sample's last gradient."""

from __future__ import annotations

from typing import Literal

from vrtune.estimators.tabled import KeepsTable, Tabled
from vrtune.later import Tensor


class SAG(KeepsTable):
    """Steps along the mean of a table of gradients, of which a batch's are new: biased, steady.

    T_i <- g_i(w) for i in B,  d = mean T

    Args:
        table: what has an entry. "partition": a batch, of a partition that is held over the run,
            for any model; of samples, which batch norm can't have, "naive", "factored" (a
            linear layer's inputs and output gradients, exact and small) or "svd" (each tensor's
            gradient at a low rank).
        rank: of svd, 1 or more.

    Example:
        >>> from vrtune import SAG, SGD, TrialConfig
        >>> TrialConfig(estimator=SAG(), optimizer=SGD(lr=0.1)).estimator.table
        'partition'

    References: Schmidt, Le Roux & Bach, Mathematical Programming 2017.
    """

    kind: Literal["sag"] = "sag"


class SAGEstimator(Tabled):
    """The stochastic average gradient on mini-batches.

        d_t = mean(T) once T_i <- g_i(w_t) for i in B_t

    The mean is over the samples seen so far, as its authors begin (section 4.1 of the paper). With
    table svd the batch's own gradients enter d as they are, and the table compressed. One gradient
    computation a step.

    References: Schmidt, Le Roux & Bach, "Minimizing finite sums with the stochastic average
    gradient", Mathematical Programming 162, 2017 (arXiv 1309.2388).
    """

    settings = SAG

    def direction(self, change: Tensor, seen: Tensor, samples: int) -> Tensor:
        total = self.state["sum"].add(change, alpha=samples)
        return total.div_(self.state["count"] + samples * (1 - seen))
