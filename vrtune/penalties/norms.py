"""Norms of the weights: L1, L2 and both, in the gradient or apart from it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vrtune.later import Tensor, torch
from vrtune.penalties.base import Penalty
from vrtune.units import PenaltySettings


class Norms(PenaltySettings):
    """Penalises the weights' L1 norm, which makes them sparse, and half their squared L2 norm.

    d <- d + l1 sign(w) + l2 w;  or, decoupled from the step rule,
    w <- (1 - eta l2) w,  w <- rule(w, d),  w <- sign(w) max(|w| - eta l1, 0)

    Coupled, it is the gradient of l1 |w|_1 + l2/2 |w|^2, which the step rule treats as the loss's:
    momentum sums it, Adam rescales it. Decoupled, eta alone does: L2 is AdamW's decay, and L1 the
    proximal step, which leaves exact zeros. Where a schedule or the estimator sets eta, both
    follow.

    Args:
        l1: weight of the L1 norm, 0 or more.
        l2: weight of half the squared L2 norm, 0 or more.
        decoupled: whether both pass the step rule by.
        exempt: whether tensors of one dimension, biases and norm layers, are left alone.

    Example:
        >>> from vrtune import SGD, Norms, TrialConfig
        >>> TrialConfig(optimizer=SGD(lr=0.1), penalty=Norms(l2=5e-4)).penalty.l2
        0.0005

    References: Krogh & Hertz, NeurIPS 1991 (L2); Tibshirani, J. R. Stat. Soc. B 1996 (L1);
    Zou & Hastie, J. R. Stat. Soc. B 2005 (both); Loshchilov & Hutter, ICLR 2019, algorithm 2
    (decoupled L2); Duchi & Singer, JMLR 2009 (decoupled L1).
    """

    kind: Literal["norms"] = "norms"
    l1: float = Field(default=0.0, ge=0, description="weight of the L1 norm")
    l2: float = Field(default=0.0, ge=0, description="weight of half the squared L2 norm")
    decoupled: bool = Field(default=False, description="whether it passes the step rule by")
    exempt: bool = Field(default=True, description="whether biases and norm layers are left alone")


class NormsPenalty(Penalty):
    """d + l1 sign(w) + l2 w;  or (1 - eta l2) w before the step, soft-thresholded after it.

    Twins: weight_decay of torch.optim.SGD, and of torch.optim.AdamW where decoupled; without
    exemption, which those know by groups of parameters alone.
    """

    settings: ClassVar[type[PenaltySettings]] = Norms

    def __init__(self) -> None:
        self._matrices: Tensor | None = None

    def value(self, weights: Tensor, hp: dict[str, Tensor]) -> Tensor:
        on = self._on(weights, hp)
        each = hp["l1"] * weights.abs() + hp["l2"] / 2 * weights.square()
        return (on * each).sum(1)

    def add(self, weights: Tensor, d: Tensor, hp: dict[str, Tensor]) -> Tensor:
        on = self._on(weights, hp) * (1 - hp["decoupled"])
        return d.addcmul(weights, on * hp["l2"]).addcmul_(weights.sign(), on * hp["l1"])

    def decay(self, weights: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        on = self._on(weights, hp) * hp["decoupled"]
        weights.mul_(1 - on * (eta * hp["l2"]))

    def shrink(self, weights: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        most = self._on(weights, hp) * (hp["decoupled"] * eta * hp["l1"])
        weights.sub_(weights.clamp(-most, most))  # by l1 eta, and never past zero

    def _on(self, weights: Tensor, hp: dict[str, Tensor]) -> Tensor:
        """1 where weights are penalised, else 0, [L, P]."""
        if self._matrices is None:  # made by the first step, which no graph captures
            parts = [weights.new_full((s.numel(),), len(s) > 1) for s in self.shapes]
            self._matrices = torch.cat(parts).unsqueeze(0)
        return 1 - hp["exempt"] * (1 - self._matrices)
