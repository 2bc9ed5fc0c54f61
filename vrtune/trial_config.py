"""TrialConfig: one setting of one method, joined from its units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import (
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from vrtune.averages import AverageSettings, Last
from vrtune.chains import CHAINS as CHAINS  # enrolled as step rules
from vrtune.config import Settings
from vrtune.estimators import EstimatorSettings, Plain
from vrtune.inits import Default, InitSettings
from vrtune.optimizers import OptimizerSettings
from vrtune.penalties import NoPenalty, PenaltySettings
from vrtune.schedules import Constant, ScheduleSettings
from vrtune.units import Unit

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

ROLES: tuple[type[Unit], ...] = (
    EstimatorSettings,
    OptimizerSettings,
    InitSettings,
    ScheduleSettings,
    PenaltySettings,
    AverageSettings,
)


class _Choice:
    """Validates a role's field by its `kind`, and lists all of them in the JSON Schema."""

    def __init__(self, role: type[Unit]) -> None:
        self.role = role

    def __get_pydantic_core_schema__(self, _: Any, __: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self._validate,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda unit: {"kind": unit.kind, **unit.model_dump(mode="json")}  # kind first
            ),
        )

    def __get_pydantic_json_schema__(self, _: CoreSchema, __: GetJsonSchemaHandler) -> Any:
        return {"oneOf": [unit.model_json_schema() for unit in self.role.enrolled.values()]}

    def _validate(self, value: Any) -> Unit:
        if isinstance(value, self.role):
            if "algorithm" not in vars(type(value)):
                raise PydanticCustomError(
                    "not_enrolled",
                    "{name} has settings only: derive from {base}, with settings = {name}",
                    {"name": type(value).__name__, "base": self.role.base},
                )
            return value
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or kind not in self.role.enrolled:
            raise PydanticCustomError(
                "unknown_kind",
                "{kind} is no {role}; choose one of {known}",
                {
                    "kind": repr(kind),
                    "role": self.role.role,
                    "known": ", ".join(sorted(self.role.enrolled)),
                },
            )
        return self.role.enrolled[kind].model_validate(value)


class TrialConfig(Settings):
    """One setting of one method: estimator x step rule, its schedule, and what goes with them.

    Args:
        estimator: what to feed the step rule (default: the plain gradient).
        optimizer: the step rule; its lr is left out where the estimator sets the step size.
        init: how the weights start (default: as the architecture draws them).
        schedule: a factor on the step size over the run (default: 1).
        penalty: what draws the weights towards zero (default: nothing).
        average: which weights a training is judged by (default: the last).

    Raises:
        pydantic.ValidationError: a step size is missing or set twice, or a unit is not known.

    Example:
        >>> from vrtune import SGD, SVRG, TrialConfig
        >>> config = TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.1))
        >>> TrialConfig.model_validate_json(config.model_dump_json()) == config
        True
    """

    estimator: Annotated[EstimatorSettings, _Choice(EstimatorSettings)] = Plain()
    optimizer: Annotated[OptimizerSettings, _Choice(OptimizerSettings)]
    init: Annotated[InitSettings, _Choice(InitSettings)] = Default()
    schedule: Annotated[ScheduleSettings, _Choice(ScheduleSettings)] = Constant()
    penalty: Annotated[PenaltySettings, _Choice(PenaltySettings)] = NoPenalty()
    average: Annotated[AverageSettings, _Choice(AverageSettings)] = Last()

    @model_serializer(mode="wrap")
    def _shown(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Penalty and average where there are any: older versions know neither."""
        shown: dict[str, Any] = handler(self)
        for name, unasked in (("penalty", NoPenalty()), ("average", Last())):
            if getattr(self, name) == unasked:
                shown.pop(name, None)
        return shown

    @model_validator(mode="after")
    def _one_step_size(self) -> Self:
        if self.estimator.sets_step_size and self.optimizer.lr is not None:
            raise ValueError(
                "this estimator sets the step size itself: leave the optimizer's lr out"
            )
        if not self.estimator.sets_step_size and self.optimizer.lr is None:
            raise ValueError("the optimizer needs a learning rate: set lr")
        return self

    def build(
        self, model: nn.Module, *, epochs: int, steps: int
    ) -> tuple[Optimizer, LRScheduler | None]:
        """Makes this setting's optimizer and scheduler for any model and training loop.

        Args:
            model: the module that is trained.
            epochs: those of the run, which settings may count in.
            steps: batches of an epoch.

        Returns:
            The optimizer, and the scheduler to be stepped after every step, or None where the step
            size stays. With plain gradients the optimizer is one of torch.optim; else it is of
            vrtune.optim: `step(closure)`, and `snapshot(...)` where `snapshot_due` says so. The
            init is not run: call vrtune.metainit(model, shape) before. Nor is an average: update
            vrtune.optim.Averaged(model, config.average, epochs=epochs, steps=steps) after steps.

        Raises:
            UsageError: the model can't be trained by it.

        Example:
            >>> import torch
            >>> from vrtune import SGD, SVRG, Cosine, TrialConfig
            >>> config = TrialConfig(estimator=SVRG(), optimizer=SGD(lr=0.1), schedule=Cosine())
            >>> model = torch.nn.Linear(2, 1)
            >>> optimizer, scheduler = config.build(model, epochs=10, steps=20)
            >>> optimizer.snapshot_due, scheduler.get_last_lr()
            (True, [0.1])
        """
        from vrtune.optim import build  # needs PyTorch

        return build(self, model, epochs=epochs, steps=steps)
