"""The roles of units: a class for the settings of each part of a method."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import Field

from vrtune.units.unit import Unit

if TYPE_CHECKING:
    from torch import Tensor


class EstimatorSettings(Unit):
    """What to feed the step rule."""

    role, base = "gradient estimator", "Estimator"
    enrolled: ClassVar[dict[str, type[Unit]]] = {}
    sets_step_size: ClassVar[bool] = False  # hands the step rule its eta; lr is then left out
    keeps_snapshot: ClassVar[bool] = False  # batches are then held from one snapshot to the next
    keeps_table: ClassVar[bool] = False  # of gradients, an entry a sample or a batch
    cost: ClassVar[float] = 1.0  # gradient computations a step; 1 is one mini-batch backward

    def over(self, epochs: int) -> Self:
        """These settings in a run of so many epochs: shares of it become epochs."""
        return self

    @property
    def start(self) -> int:
        """The epoch from which the estimate is more than the plain gradient."""
        return 0

    @property
    def period(self) -> int:
        """Epochs from one snapshot to the next."""
        return 1

    @property
    def holds_partition(self) -> bool:
        """Whether the samples are cut into the same batches in every epoch of a run."""
        return False

    @property
    def of_samples(self) -> bool:
        """Whether gradients of single samples are asked for, which batch norm has none of."""
        return False

    @property
    def batches(self) -> int | None:
        """Batches that a snapshot is taken over, again after as many steps; None: a whole pass."""
        return None


class OptimizerSettings(Unit):
    """What the step rule does with the estimate."""

    role, base = "optimizer", "StepRule"
    enrolled: ClassVar[dict[str, type[Unit]]] = {}
    lr: float | None = Field(default=None, gt=0, description="step size")
    # asks in each step for a second estimate, and for the loss over the whole training part
    adjusts: ClassVar[bool] = False

    @classmethod
    def words_of(cls, fields: Iterable[str]) -> list[str]:
        """All but lr: it is a number, or left out where the estimator sets the step size."""
        return [name for name in super().words_of(fields) if name != "lr"]

    def twin(self) -> str | None:
        """The class of torch.optim that takes these settings and makes the same steps."""
        return None

    @property
    def cost(self) -> float:
        """Gradient computations a step beside the estimator's."""
        return 0.0


class InitSettings(Unit):
    """How the weights start."""

    role, base = "init", "Init"
    of_weights = False
    enrolled: ClassVar[dict[str, type[Unit]]] = {}

    @property
    def spent(self) -> float:
        """Gradient computations that a lane's initialisation takes."""
        return 0.0


class PenaltySettings(Unit):
    """What draws the weights towards zero."""

    role, base = "penalty", "Penalty"
    of_weights = False
    enrolled: ClassVar[dict[str, type[Unit]]] = {}


class AverageSettings(Unit):
    """Which of the weights that were trained a lane is judged by."""

    role, base = "average", "Average"
    enrolled: ClassVar[dict[str, type[Unit]]] = {}


class ScheduleSettings(Unit):
    """How the step size changes over a run: a factor on it. To derive, define `factors` alone.

    Example:
        >>> import torch, vrtune
        >>> vrtune.Step().factors(torch.tensor([0.0, 2.0]), epochs=4)
        tensor([1.0000, 0.1000])
    """

    role, base = "schedule", "ScheduleSettings"
    enrolled: ClassVar[dict[str, type[Unit]]] = {}

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if "kind" in cls.model_fields:
            cls.enrol(cls)

    @abstractmethod
    def factors(self, t: Tensor, epochs: int) -> Tensor:
        """The factor at times t [n], in epochs from the start of a run of `epochs`, float64 [n]."""
