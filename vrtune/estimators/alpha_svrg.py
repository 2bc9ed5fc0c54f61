"""alpha-SVRG: a coefficient on SVRG's correction, constant or falling."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.estimators.base import BatchGradient, Clock
from vrtune.estimators.snapshots import Periodic, PeriodicSnapshots
from vrtune.later import Tensor


class AlphaSVRG(Periodic):
    """SVRG with a coefficient on its correction, constant or falling.

    d = g(w; B) - alpha_t (g(w~; B) - mu~),  mu~ = grad F(w~),  w~: the last snapshot

    Args:
        snapshot_period: epochs from a snapshot to the next, 1 or more.
        start_epoch: epochs of plain gradients before the first snapshot, 0 or more.
        start_share: the same as a share of the run, 0 to 1; the later of the two counts.
        alpha: coefficient at the start, from 0 (plain gradients) to 1 (SVRG).
        decay: whether alpha falls linearly, to 0 at the run's last snapshot.

    Example:
        >>> from vrtune import AlphaSVRG
        >>> AlphaSVRG(alpha=0.8).model_dump(include={"alpha", "decay"})
        {'alpha': 0.8, 'decay': True}

    References: Yin et al., ICLR 2025.
    """

    kind: Literal["alpha_svrg"] = "alpha_svrg"
    alpha: float = Field(default=0.5, ge=0, le=1, description="coefficient at the start")
    decay: bool = Field(default=True, description="falls linearly to 0 at the last snapshot")


class AlphaSVRGEstimator(PeriodicSnapshots):
    """SVRG with a coefficient, constant from a snapshot to the next.

        d_t = g(w_t; B_t) - alpha_t (g(w~; B_t) - mu~)
        alpha_t = alpha (1 - i / I)   after snapshot i = 0 .. I of the run: it ends at 0
        alpha_t = alpha               without decay, and if I = 0; 1 is SVRG, 0 the plain gradient

    So with decay the steps after the run's last snapshot are plain ones, as in the authors' code.
    Two gradient computations a step and a pass over the training part a snapshot.

    References: Yin et al., "A Coefficient Makes SVRG Effective", ICLR 2025 (arXiv 2311.05589),
    and the schedule of github.com/davidyyd/alpha-SVRG.
    """

    settings = AlphaSVRG

    @staticmethod
    def progress(hp: dict[str, Tensor], clock: Clock) -> Tensor:
        """i / I, [L, 1]: 0 at the run's first snapshot and 1 at its last."""
        period, start = hp["snapshot_period"], hp["start_epoch"]
        i, last = (clock.epoch - start) // period, (clock.epochs - 1 - start) // period
        return i / last.clamp(min=1)

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
    ) -> tuple[Tensor, None]:
        d, g_snapshot = gradient(weights, self.state["snapshot"])
        correction = g_snapshot.sub_(self.state["mu"])
        since = self.since_start(hp, clock)
        alpha = hp["alpha"] * (1 - hp["decay"] * self.progress(hp, clock))
        return d.sub_(correction.mul_(alpha).masked_fill_(since < 0, 0.0)), None
