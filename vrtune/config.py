"""Task and TrialConfig: what is tuned, and one setting of it. The only currency between rooms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PositiveInt,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

SCHEMA_VERSION = 1


class Settings(BaseModel):
    """Frozen, validated, JSON both ways; a misspelt or unknown field is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Unit(Settings):
    """Settings of one unit of a registry. `kind` names it in JSON; subclasses enrol themselves."""

    role: ClassVar[str]
    known: ClassVar[dict[str, type[Unit]]]

    if TYPE_CHECKING:

        @property
        def kind(self) -> str: ...

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if Unit in cls.__bases__:  # a role, such as EstimatorSettings
            cls.known = {}
        else:
            cls.known[cls.model_fields["kind"].default] = cls


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
        return {"oneOf": [unit.model_json_schema() for unit in self.role.known.values()]}

    def _validate(self, value: Any) -> Unit:
        if isinstance(value, self.role):
            return value
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind not in self.role.known:
            raise PydanticCustomError(
                "unknown_kind",
                "{kind} is no {role}; choose one of {known}",
                {
                    "kind": repr(kind),
                    "role": self.role.role,
                    "known": ", ".join(sorted(self.role.known)),
                },
            )
        return self.role.known[kind].model_validate(value)


class EstimatorSettings(Unit):
    """What to feed the step rule."""

    role = "gradient estimator"
    sets_step_size: ClassVar[bool] = False  # hands the step rule its eta; lr is then left out


class OptimizerSettings(Unit):
    """What the step rule does with the estimate."""

    role = "optimizer"
    lr: float | None = Field(default=None, gt=0, description="step size")

    def twin(self) -> str | None:
        """The class of torch.optim that takes these settings and makes the same steps."""
        return None


class InitSettings(Unit):
    """How the weights start."""

    role = "init"


class ScheduleSettings(Unit):
    """How the step size changes over the run."""

    role = "schedule"


class Task(Settings):
    """What is tuned and how it is judged; a study keeps one Task for its whole life."""

    dataset: str = Field(default="digits", description="data set: a name, a folder or an .npz")
    model: str = Field(default="lenet", description="an architecture's name")
    norm: Literal["none", "batch", "layer"] = Field(
        default="none", description="normalisation layers"
    )
    init: str = Field(default="default", description="how the weights start")
    folds: int = Field(default=4, ge=2, description="folds of the cross-validation")
    holdout: float | None = Field(
        default=None, gt=0, lt=1, description="share held out once, in place of folds"
    )
    epochs: PositiveInt = Field(default=20, description="passes over the training part")
    batch_size: PositiveInt = Field(default=32, description="samples a step")
    limit: PositiveInt | None = Field(
        default=None, description="training samples used (stratified)"
    )
    augment: Literal["none", "crop-flip"] = Field(
        default="none", description="random views of the training images"
    )
    lock_transforms: bool = Field(
        default=True, description="the same views from a snapshot to the next"
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        default="float32", description="of matrix products and convolutions"
    )
    seed: int = Field(default=1, ge=0, description="keys folds, weights and batches")

    @property
    def parts(self) -> int:
        """Validation parts, and so lanes of a trial: the folds, or one that is held out."""
        return 1 if self.holdout else self.folds


class TrialConfig(Settings):
    """One setting of one method: estimator x step rule, its schedule, and how the weights start."""

    # a default is a dictionary too, as this file knows no unit by name
    estimator: Annotated[EstimatorSettings, _Choice(EstimatorSettings)] = Field(
        default=cast(EstimatorSettings, {"kind": "plain"}), validate_default=True
    )
    optimizer: Annotated[OptimizerSettings, _Choice(OptimizerSettings)]
    init: Annotated[InitSettings, _Choice(InitSettings)] = Field(
        default=cast(InitSettings, {"kind": "default"}), validate_default=True
    )

    schedule: Annotated[ScheduleSettings, _Choice(ScheduleSettings)] = Field(
        default=cast(ScheduleSettings, {"kind": "constant"}), validate_default=True
    )

    @model_validator(mode="after")
    def _one_step_size(self) -> Self:
        if self.estimator.sets_step_size and self.optimizer.lr is not None:
            raise ValueError(
                "this estimator sets the step size itself: leave the optimizer's lr out"
            )
        if not self.estimator.sets_step_size and self.optimizer.lr is None:
            raise ValueError("the optimizer needs a learning rate: set lr")
        return self


def explain(error: ValidationError) -> str:
    """A validation error as one clause: where, what, what was given."""
    parts = []
    for e in error.errors():
        where = ".".join(str(part) for part in e["loc"])
        given = f" (got {e['input']!r})" if e["type"] not in ("value_error", "missing") else ""
        parts.append(f"{where + ': ' if where else ''}{e['msg']}{given}")
    return "; ".join(parts)
