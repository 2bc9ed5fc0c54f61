"""When snapshots are due, and what estimators are told of the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from vrtune.errors import UsageError
from vrtune.estimators import AlphaSVRG
from vrtune.estimators.base import Clock
from vrtune.units import EstimatorSettings


class Times(Protocol):
    """The two ways to say when what happens."""

    def waits(self, step: int) -> bool:
        """Whether this step, counted from 0, still takes the plain gradient."""

    def due(self, step: int, taken_at: int | None) -> bool:
        """Whether a snapshot is due before this step, the last one being of step `taken_at`."""

    def clock(self, step: int, taken: int, factor: Tensor) -> Clock:
        """What the estimator is told before this step, after so many snapshots."""


@dataclass(frozen=True)
class InEpochs:
    """As the settings say it, which count in epochs; the same as in lanes."""

    estimator: EstimatorSettings
    epochs: int
    steps_per_epoch: int

    def waits(self, step: int) -> bool:
        return step < self.estimator.start * self.steps_per_epoch

    def due(self, step: int, taken_at: int | None) -> bool:
        if self.waits(step):
            return False
        epoch, within = divmod(step, self.steps_per_epoch)
        if self.estimator.batches is not None:
            last = step - within % self.estimator.batches
        else:
            since = epoch - self.estimator.start
            last = (epoch - since % self.estimator.period) * self.steps_per_epoch
        return taken_at is None or taken_at < last

    def clock(self, step: int, taken: int, factor: Tensor) -> Clock:
        epoch = factor.new_full((1, 1), step // self.steps_per_epoch)
        return Clock(epoch, factor.new_full((1, 1), self.epochs), factor)


@dataclass(frozen=True)
class InSteps:
    """In steps and snapshots: the user says when, and the clock counts the snapshots."""

    estimator: EstimatorSettings
    plain_steps: int = 0
    snapshot_every: int | None = None
    snapshots: int | None = None

    def waits(self, step: int) -> bool:
        return step < self.plain_steps

    def due(self, step: int, taken_at: int | None) -> bool:
        if self.waits(step):
            return False
        every = self.snapshot_every
        return taken_at is None or (every is not None and step - taken_at >= every)

    def clock(self, step: int, taken: int, factor: Tensor) -> Clock:
        known = {"factor": factor}
        if self.estimator.keeps_snapshot:
            known["epoch"] = factor.new_full((1, 1), self.estimator.period * (taken - 1))
        if self.snapshots is not None:
            last = self.estimator.period * (self.snapshots - 1)
            known["epochs"] = factor.new_full((1, 1), last + 1)
        return _Told(known)


class _Told(Clock):
    """A clock that knows what it was told."""

    def __init__(self, known: dict[str, Tensor]) -> None:
        vars(self).update(known)

    def __getattr__(self, name: str) -> Tensor:
        raise UsageError(
            f"the estimator asks for the clock's {name}: give VarianceReduced epochs= and "
            "steps_per_epoch="
        )


def times_of(
    estimator: EstimatorSettings,
    epochs: int | None,
    steps_per_epoch: int | None,
    plain_steps: int,
    snapshot_every: int | None,
    snapshots: int | None,
) -> InEpochs | InSteps:
    """The times as they were given; UsageError where they don't fit together."""
    given = {
        "epochs": epochs,
        "steps_per_epoch": steps_per_epoch,
        "snapshot_every": snapshot_every,
        "snapshots": snapshots,
    }
    for name, value in given.items():
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}: give 1 or more, or leave it out")
    if plain_steps < 0:
        raise UsageError(f"plain_steps is {plain_steps}: give 0 or more")
    if epochs is not None and steps_per_epoch is not None:
        if plain_steps or snapshot_every or snapshots:
            raise UsageError(
                "the run is told in epochs and in steps: leave out plain_steps, snapshot_every and "
                "snapshots, or epochs and steps_per_epoch"
            )
        return InEpochs(estimator.over(epochs), epochs, steps_per_epoch)
    if epochs is not None or steps_per_epoch is not None:
        raise UsageError("epochs and steps_per_epoch go together: give both or neither")
    _check_steps(estimator, snapshots)
    if isinstance(estimator, AlphaSVRG) and not estimator.decay:
        snapshots = 1  # they make no difference
    return InSteps(estimator, plain_steps, snapshot_every or estimator.batches, snapshots)


def _check_steps(estimator: EstimatorSettings, snapshots: int | None) -> None:
    """UsageError where settings count in epochs, and nobody said how long one is."""
    if estimator.over(1000).start or "snapshot_period" in estimator.model_fields_set:
        raise UsageError(
            f"{estimator!r} counts in epochs: give epochs= and steps_per_epoch=, or say it by "
            "plain_steps= and snapshot_every="
        )
    if isinstance(estimator, AlphaSVRG) and estimator.decay and snapshots is None:
        raise UsageError(
            "alpha falls to 0 at the run's last snapshot: say how many there will be, snapshots=, "
            "or set decay=False"
        )
