"""What trainings cost in gradient computations, counted as vrtune counts them."""

from __future__ import annotations

from dataclasses import dataclass

from vrtune import MetaInit, TrialConfig
from vrtune.estimators.snapshots import Periodic
from vrtune.lanes.batches import bounds

FORWARD = 1 / 3  # of a gradient: a forward pass without one, as vrtune counts a judged loss


@dataclass(frozen=True)
class Training:
    """Lanes of one setting that train side by side."""

    model: str
    config: TrialConfig
    samples: int
    epochs: int
    batch: int
    lanes: int = 1
    precision: str = "float32"
    judged: int = 0  # samples whose loss is read after each epoch
    readings: int = 0  # of the variance, each a pass of two gradients a batch


def gradients(training: Training) -> float:
    """Gradient computations of all lanes: steps, snapshots, MetaInit; readings and judging too."""
    steps = len(bounds(training.samples, training.batch))
    estimator = training.config.estimator.over(training.epochs)
    start = estimator.start
    plain = min(start, training.epochs)
    total = steps * (plain + (training.epochs - plain) * estimator.cost)
    if isinstance(estimator, Periodic):
        total += steps * len(range(start, training.epochs, estimator.period))
    elif estimator.batches:  # a mega-batch is passed over before its steps
        total += steps * training.epochs
    if isinstance(training.config.init, MetaInit):
        total += training.config.init.spent
    total += 2 * steps * training.readings
    total += FORWARD * training.judged / training.batch * training.epochs
    return training.lanes * total
