"""SGLD: gradient descent with noise of the size that makes it sample."""

from __future__ import annotations

from typing import Literal

from vrtune.chains.chain import Chain, ChainRule
from vrtune.later import Tensor


class SGLD(Chain):
    """Samples the posterior of the weights: a gradient step, and noise (Langevin dynamics).

    w <- w - eta (d + prior_precision w / N) + sqrt(2 eta temperature / N) xi,   xi ~ N(0, I)

    Args:
        lr: step size, above 0; left out where the estimator sets it.
        temperature: 1 is the posterior, less a narrower one, 0 gradient descent.
        prior_precision: of the prior N(0, 1 / prior_precision) of each weight, 0 or more.
        burn_in: share of the run before the first sample is kept, below 1.
        samples: how many are kept, whose mean prediction a chain is judged by.

    Example:
        >>> from vrtune import SGLD, SVRG, TrialConfig
        >>> TrialConfig(estimator=SVRG(), optimizer=SGLD(lr=0.1)).optimizer.samples
        10
    """

    kind: Literal["sgld"] = "sgld"


class SGLDRule(ChainRule):
    """Stochastic gradient Langevin dynamics on U(w) = F(w) + prior_precision / (2 N) ||w||^2.

        w <- w - eta (d + prior_precision w / N) + sqrt(2 eta T / N) xi

    d estimates grad F: plain gradients give SGLD, SVRG and SAGA its variance-reduced forms. Never
    corrected, it samples p with an error of the order of eta: of a Gaussian whose U has curvature c
    the variance is T / (N c) / (1 - eta c / 2), and the noise of d adds its own.

    Twin: posteriors' sgld, with lr = eta / N.
    References: Welling & Teh, ICML 2011; Dubey et al., NeurIPS 2016.
    """

    settings = SGLD

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        xi = self.noise(weights)
        force = self.force(weights, d, hp)
        weights.addcmul_(force, -eta).addcmul_(xi, self.heat(eta, hp).sqrt())
        self.take(weights, hp)
