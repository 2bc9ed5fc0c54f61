"""A Gaussian process of what was tried, and what a trial at another point promises."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_ndtr, ndtr
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern, WhiteKernel

from vrtune.strategy.cube import Cube
from vrtune.strategy.curves import Curve, Curves

Array = NDArray[np.float64]

MOST = 200  # trials that the model takes in: its time grows with their cube
WARP = 0.3  # log losses this much above the best count in full; beyond, their logs do
UNSURE = 0.15  # sigma of where a trial ends that stopped at once, in log loss

LENGTH, LENGTH_SPREAD = 0.4, 0.8  # of a log-normal prior on length scales, in ranges
NOISE, NOISE_SPREAD = 1e-4, 1.5  # of one on the noise, in variances of the values
LENGTHS, NOISES = (0.05, 1.5), (1e-5, 0.1)  # bounds
WIDE = (1e-9, 1e9)  # those that scikit-learn is told of: it would warn of a value near one


def promise(
    cube: Cube, points: Array, curves: Curves, untold: Sequence[Mapping[str, Any]]
) -> Array:
    """The log of the improvement on the best that is expected at points [n, parameters].

    `untold` are settings under way of which nothing is known: they are believed to end where the
    model says, so that the next trial goes elsewhere.
    """
    known = _most_telling(curves)
    x = cube.seen(np.array([cube.point(curve.trial.params) for curve in known]))
    y = np.array([curves.expected(curve) for curve in known])
    best = float(y.min())
    y = best + WARP * np.log1p((y - best) / WARP)
    noise = np.array([_unsure(curve, curves.epochs) for curve in known])
    model = Surrogate(x, y, noise)
    if untold:
        more = cube.seen(np.array([cube.point(params) for params in untold]))
        model.believe(more)
    return log_expected_improvement(*model.predict(cube.seen(points)), best)


def _most_telling(curves: Curves) -> list[Curve]:
    """All trials; of many the best and the latest."""
    known = sorted(curves.known, key=curves.expected)
    best, rest = known[: MOST // 2], known[MOST // 2 :]
    latest = sorted(rest, key=lambda c: -c.trial.number)[: MOST - len(best)]
    return sorted(best + latest, key=lambda c: c.trial.number)


def _unsure(curve: Curve, epochs: int) -> float:
    """The standard deviation of where a trial would have ended, in log loss."""
    if curve.final is not None or curve.diverged or not epochs:
        return 0.0
    return UNSURE * max(0.0, 1 - curve.last / epochs)


class Surrogate:
    """A Gaussian process (Matern 5/2, a length scale a column) on values of unequal noise.

    Length scales and noise are at their most probable: a few points alone would leave them free.
    """

    def __init__(self, x: Array, y: Array, noise: Array) -> None:
        """x [n, columns], y [n], and the standard deviation of each y, beside what all share."""
        self.centre, self.scale = float(y.mean()), max(float(y.std()), 1e-6)
        self.x, self.z = x, (y - self.centre) / self.scale
        self.alpha = 1e-10 + (noise / self.scale) ** 2
        lengths = Matern(np.full(x.shape[1], LENGTH), WIDE, nu=2.5)
        self.process = GaussianProcessRegressor(
            lengths + WhiteKernel(NOISE, WIDE), alpha=self.alpha, optimizer=_most_probable
        ).fit(x, self.z)

    def believe(self, x: Array) -> None:
        """Takes its own predictions at points [n, columns] for measured."""
        z = self.process.predict(x)
        self.x, self.z = np.vstack([self.x, x]), np.append(self.z, z)
        self.alpha = np.append(self.alpha, np.full(len(x), 1e-10))
        self.process = GaussianProcessRegressor(
            self.process.kernel_, alpha=self.alpha, optimizer=None
        ).fit(self.x, self.z)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation at points [n, columns]."""
        mean, std = self.process.predict(x, return_std=True)
        noise = math.exp(self.process.kernel_.theta[-1])
        std = np.sqrt(np.maximum(std**2 - noise, 1e-9))
        return mean * self.scale + self.centre, std * self.scale


def _most_probable(
    objective: Callable[..., Any], start: Array, bounds: Array
) -> tuple[Array, float]:
    """theta [columns + 1], logs of length scales and of the noise, with the priors counted in."""
    limits = np.log([*[LENGTHS] * (len(start) - 1), NOISES])
    middle = np.log([*[LENGTH] * (len(start) - 1), NOISE])
    spread = np.array([*[LENGTH_SPREAD] * (len(start) - 1), NOISE_SPREAD])

    def posterior(theta: Array) -> tuple[float, Array]:
        value, slope = objective(theta, eval_gradient=True)
        z = (theta - middle) / spread
        return value + 0.5 * float(z @ z), slope + z / spread

    found = minimize(posterior, start, jac=True, method="L-BFGS-B", bounds=limits)
    return found.x, found.fun


def log_expected_improvement(mean: Array, std: Array, best: float) -> Array:
    """log E max(0, best - y) for y ~ N(mean, std^2), also where it is next to nothing."""
    z = (best - mean) / std
    density = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    with np.errstate(all="ignore"):
        near = np.log(np.maximum(np.exp(density) + z * ndtr(z), 1e-300))
        # phi(z) (1 + z Phi(z) / phi(z)), and for z far below 0 phi(z) / z^2
        ratio = np.minimum(log_ndtr(z) - density + np.log(np.maximum(-z, 1e-9)), -1e-12)
        far = density + np.log(-np.expm1(ratio))
    return np.log(std) + np.where(z > -1, near, far)
