"""MALA: Langevin steps that are accepted or rejected, so that the step size leaves no error."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from vrtune.chains.chain import Chain, ChainRule
from vrtune.chains.noise import uniforms
from vrtune.later import Tensor, torch
from vrtune.optimizers.base import Again, Potential


class MALA(Chain):
    """Samples the posterior of the weights by SGLD's steps, each accepted or rejected (Metropolis).

    w' ~ q(.|w) = SGLD's step;   w <- w' with probability min(1, p(w') q(w|w') / (p(w) q(w'|w)))

    Each step looks at the whole training part, so it is for small data, and judges the others.

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        temperature: 1 is the posterior, less a narrower one; above 0.
        prior_precision: of the prior N(0, 1 / prior_precision) of each weight, 0 or more.
        burn_in: share of the run before the first sample is kept, below 1.
        samples: how many are kept, whose mean prediction a chain is judged by.

    Example:
        >>> from vrtune import MALA
        >>> MALA(lr=0.01).adjusts
        True
    """

    kind: Literal["mala"] = "mala"
    adjusts: ClassVar[bool] = True
    temperature: float = Field(default=1.0, gt=0)


class MALARule(ChainRule):
    """The Metropolis-adjusted Langevin algorithm, also with estimated gradients.

        w' = w - eta b(w) + s xi,   b(w) = d(w) + prior_precision w / N,   s^2 = 2 eta T / N
        log a = N / T (U(w) - U(w')) + (||w' - w + eta b(w)||^2 - ||w - w' + eta b(w')||^2) / 2 s^2
        w <- w' if log u < log a,   u uniform

    Both drifts are of one mini-batch, U is of the whole training part. For a batch, a snapshot and
    a table that are given, q has one form forth and back, so each step leaves p as it is; batches
    are drawn whatever the weights are, so any sequence of steps does. A snapshot or table that is
    taken from the chain itself, as SVRG's and SAGA's are, is no longer independent of w: p then
    holds exactly between two snapshots of an old chain, and closely over many. U knows nothing of
    dropout, augmentation and batch statistics: nets without them are sampled exactly.

    `step` makes the proposal, and takes it: where nobody knows U.

    References: Roberts & Tweedie, Bernoulli 1996; Dubey et al., NeurIPS 2016 (the estimates).
    """

    settings = MALA
    captures = False  # what it asks for is not replayed

    def __init__(self, weights: Tensor, samples: int) -> None:
        super().__init__(weights, samples)
        exact = torch.float32 if weights.device.type == "mps" else torch.float64  # which it lacks
        lanes = len(weights)
        self.state["potential"] = weights.new_zeros(lanes, 1, dtype=exact)  # U(w), once it is known
        self.state["accepted"] = weights.new_zeros(lanes, 1)  # steps

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        xi = self.noise(weights)
        force = self.force(weights, d, hp)
        weights.addcmul_(force, -eta).addcmul_(xi, self.heat(eta, hp).sqrt())
        self.take(weights, hp)

    def adjusted(
        self,
        weights: Tensor,
        d: Tensor,
        eta: Tensor,
        hp: dict[str, Tensor],
        again: Again,
        potential: Potential,
    ) -> None:
        """A step and the decision on it."""
        U, N = self.state["potential"], self.about["samples"].to(self.state["potential"])

        def energy(w: Tensor) -> Tensor:
            prior = hp["prior_precision"] * w.to(N).square().sum(1, keepdim=True)
            return potential(w).to(N).unsqueeze(1) + prior / (2 * N)

        fresh = self.state["step"] == 0
        if bool(fresh.any()):
            U.copy_(torch.where(fresh, energy(weights), U))
        s, xi = self.heat(eta, hp).sqrt(), self.noise(weights)
        proposal = torch.addcmul(weights, self.force(weights, d, hp), -eta).addcmul_(xi, s)
        b = self.force(proposal, again(proposal), hp)
        forth = xi.to(N).square().sum(1, keepdim=True)
        back = ((weights - proposal + eta * b) / s).to(N).square().sum(1, keepdim=True)
        proposed = energy(proposal)
        log_a = N / hp["temperature"] * (U - proposed) + (forth - back) / 2
        log_u = uniforms(self.about["key"], self.state["step"], N).log()
        accept = log_u < log_a  # never of what is not a number
        weights.copy_(torch.where(accept, proposal, weights))
        U.copy_(torch.where(accept, proposed, U))
        self.state["accepted"].add_(accept)
        self.take(weights, hp)
