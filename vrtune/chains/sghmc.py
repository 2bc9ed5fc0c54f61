"""SGHMC: underdamped Langevin dynamics, momentum with friction and noise."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vrtune.chains.chain import Chain, ChainRule
from vrtune.later import Tensor, torch


class SGHMC(Chain):
    """Samples the posterior of the weights with a momentum (underdamped Langevin dynamics).

    v <- (1 - friction) v - eta (d + prior_precision w / N) + sqrt(2 friction eta T / N) xi,  w += v

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        friction: share of v that is lost in a step, above 0 and at most 1.
        explicit: moves w by the v before the step, as posteriors does: needs eta c < friction.
        temperature: 1 is the posterior, less a narrower one, 0 descent with momentum.
        prior_precision: of the prior N(0, 1 / prior_precision) of each weight, 0 or more.
        burn_in: share of the run before the first sample is kept, below 1.
        samples: how many are kept, whose mean prediction a chain is judged by.

    Example:
        >>> from vrtune import SGHMC
        >>> SGHMC(lr=0.01, friction=0.05).temperature
        1.0
    """

    kind: Literal["sghmc"] = "sghmc"
    friction: float = Field(default=0.1, gt=0, le=1)
    explicit: bool = False


class SGHMCRule(ChainRule):
    """Stochastic gradient Hamiltonian Monte Carlo, with v = sqrt(eta / N) momentum.

        v <- (1 - friction) v - eta grad U(w) + sqrt(2 friction eta T / N) xi
        w <- w + v    (explicit: + the v before)

    v starts at 0. Chen et al. add noise for friction alone, taking that of the gradients for none.

    Twin: posteriors' sghmc, with lr = sqrt(eta / N) and alpha = friction / lr.
    References: Chen et al., ICML 2014, equation 15.
    """

    settings = SGHMC

    def __init__(self, weights: Tensor, samples: int) -> None:
        super().__init__(weights, samples)
        self.state["velocity"] = torch.zeros_like(weights)

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        v, friction, explicit = self.state["velocity"], hp["friction"], hp["explicit"]
        xi = self.noise(weights)
        force = self.force(weights, d, hp)
        weights.addcmul_(v, explicit)
        v.mul_(1 - friction).addcmul_(force, -eta)
        v.addcmul_(xi, (friction * self.heat(eta, hp)).sqrt())
        weights.addcmul_(v, 1 - explicit)
        self.take(weights, hp)
