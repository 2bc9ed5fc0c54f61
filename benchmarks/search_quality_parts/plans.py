"""Which tables are recorded, and at which settings of their spaces."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.stats import qmc

from search_quality_parts.between import TRIANGLES
from search_quality_parts.cube import Cube
from vrtune import Task

SEED = 7
BEST, SIGMA = 3, 0.06  # more points lie around so many of the best, normally in the unit cube
DIGITS = {"epochs": 10}
MNIST = {"dataset": "mnist", "limit": 1000, "epochs": 6}
ASIDE = {"model": "lenet-relu", "seed": 2}


@dataclass(frozen=True)
class Plan:
    """A space on a task, and how many of its settings are trained beside GRID's."""

    space: str
    task: dict[str, Any] = field(default_factory=lambda: DIGITS)
    spread: int = 24  # all over the ranges
    near: int = 24  # near the best

    def make_task(self) -> Task:
        return Task(**self.task)


PLANS = {
    "digits-sgd": Plan("sgd"),
    "digits-adam": Plan("adam"),
    "digits-adagrad": Plan("adagrad"),
    "digits-svrg": Plan("svrg"),
    "digits-storm": Plan("storm", spread=96, near=32),
    "digits-mars": Plan("mars", spread=48),
    "digits-sgd-metainit": Plan("sgd", DIGITS | {"init": "metainit", "epochs": 6}, 80, 16),
    "digits-alpha-svrg": Plan("alpha_svrg", DIGITS | {"model": "softmax"}, 96),
    "mnist-sgd": Plan("sgd", MNIST),
    "mnist-adam": Plan("adam", MNIST),
    "mnist-storm": Plan("storm", MNIST, 96, 32),
    "mnist-mars": Plan("mars", MNIST, 48),
    "digits-storm-aside": Plan("storm", DIGITS | ASIDE, 96, 32),
    "digits-adam-aside": Plan("adam", DIGITS | ASIDE),
    "mnist-svrg-aside": Plan("svrg", MNIST | ASIDE),
}


def spread(cube: Cube, n: int) -> Iterator[dict[str, Any]]:
    """A scrambled Sobol design; and the corners, where triangles are to fill the cube."""
    d, words = len(cube.numeric), [c.choices for c in cube.categorical.values()]
    if d <= TRIANGLES:
        for corner in itertools.product((0.0, 1.0), repeat=d):
            for chosen in itertools.product(*words):
                yield cube.params(corner, chosen)
    sobol = qmc.Sobol(d + len(words), scramble=True, seed=SEED)
    for row in sobol.random_base2(math.ceil(math.log2(n)))[:n]:
        drawn = [w[int(u * len(w))] for w, u in zip(words, row[d:], strict=True)]
        yield cube.params(row[:d], drawn)


def near(
    cube: Cube, settings: list[dict[str, Any]], losses: np.ndarray, n: int
) -> Iterator[dict[str, Any]]:
    """Settings around the best, by their `losses` [setting] at the end."""
    rng = np.random.default_rng(SEED)
    best = [settings[row] for row in np.argsort(losses)[:BEST]]
    for around in itertools.islice(itertools.cycle(best), n):
        point = cube.point(around)
        yield cube.params(point + SIGMA * rng.standard_normal(len(point)), cube.choices(around))
