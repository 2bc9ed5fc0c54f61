"""Task: what is tuned and how it is judged; Settings: what all that is described derives from."""

from __future__ import annotations

import math
import os
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from vrtune.errors import UsageError
from vrtune.given.names import path_fault, text_fault

UNKNOWN = "unknown_setting"  # type of the error about a name that a model has no field of
LARGEST = 10**15 - 1  # whole numbers beyond lose digits as floats, and overflow in products


class Settings(BaseModel):
    """Frozen, validated, JSON both ways; a misspelt or unknown field is refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        json_schema_extra=lambda schema: schema.update(  # of the docstring, its first line
            description=schema.get("description", "").partition("\n")[0]
        ),
    )

    @field_validator("*", mode="after")
    @classmethod
    def _can_be_computed_with(cls, given: Any) -> Any:
        if isinstance(given, int) and abs(given) > LARGEST:
            raise PydanticCustomError("large", "give a whole number of at most 15 digits")
        return given


class Task(Settings):
    """What is tuned and how it is judged; a study keeps one Task for its whole life.

    Args:
        dataset: a name (`vrtune list datasets`), a folder of images, an .npz file, a table (.csv,
            .parquet), or FILE.py:FUNCTION.
        target: the column of a table that is predicted.
        model: the architecture's name (`vrtune list models`), or FILE.py:NAME.
        norm: normalisation layers: none, batch or layer.
        init: how weights start: a module of search_spaces/inits, yours or vrtune's.
        penalty: what is searched against overfitting: a module of search_spaces/penalties.
        average: which weights are judged: a module of search_spaces/averages.
        folds: of the cross-validation, 2 or more.
        holdout: share of the samples held out once, in place of folds; above 0 and below 1.
        epochs: passes over the training part, 1 or more.
        patience: epochs without a better mean over the folds after which a trial stops, 1 or more.
        batch_size: samples a step, 1 or more.
        limit: training samples used, every class in its proportion; None: all.
        augment: random views of the training images: none, or crop-flip (pad 4, crop, flip).
        lock_transforms: whether a sample keeps its view from a snapshot to the next.
        precision: of matrix products and convolutions: float32, tf32 (on a GPU) or bfloat16.
        seed: keys folds, weights and batches, 0 or more.
        loss: what is minimised: cross-entropy (of labels), mse, mae, huber (of numbers), or
            FILE.py:FUNCTION; auto: cross-entropy or mse, as the targets are.
        label_smoothing: share of a target that is spread over all classes, 0 to below 1.
        class_weights: factors of cross-entropy by class: none, balanced, or a number for each.
        metric: what a study is judged by: loss, accuracy, balanced-accuracy, macro-f1, ece (of
            labels), rmse, mae, r2 (of numbers), or FILE.py:FUNCTION.

    Raises:
        pydantic.ValidationError: a setting is not known, or its value is refused.

    Example:
        >>> from vrtune import Task
        >>> Task(epochs=10, holdout=0.2).parts  # lanes of a trial
        1
    """

    dataset: str = Field(
        default="digits",
        description="data set: a name (vrtune list datasets), a folder, an .npz, .csv or .parquet "
        "file, or FILE.py:FUNCTION",
    )
    target: str | None = Field(
        default=None, title="column", description="column of a table that is predicted"
    )
    model: str = Field(
        default="lenet", description="architecture (vrtune list models), or FILE.py:NAME"
    )
    norm: Literal["none", "batch", "layer"] = Field(
        default="none", description="normalisation layers"
    )
    init: str = Field(
        default="default",
        description="how weights start: default, uniform, xavier, he, orthogonal, sparse, "
        "metainit, any (searches which), or yours: search_spaces/inits/NAME.py",
    )
    penalty: str = Field(
        default="none",
        description="what is searched against overfitting: none, l1, l2, l2_decoupled, elastic, "
        "dropout, or yours: search_spaces/penalties/NAME.py",
    )
    average: str = Field(
        default="last",
        description="which weights are judged: last, polyak, exponential, or yours: "
        "search_spaces/averages/NAME.py",
    )
    folds: int = Field(default=4, ge=2, description="folds of the cross-validation")
    holdout: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        title="share",
        description="hold out this share once, in place of folds",
    )
    epochs: PositiveInt = Field(default=20, description="passes over the training part")
    patience: PositiveInt | None = Field(
        default=None,
        title="epochs",
        description="stop a trial so many epochs after the best mean of its folds, and train anew "
        "as many as were best for them on average (default: never)",
    )
    batch_size: PositiveInt = Field(default=32, description="samples a step")
    limit: PositiveInt | None = Field(
        default=None,
        description="training samples used, every class in its proportion (default: all)",
    )
    augment: Literal["none", "crop-flip"] = Field(
        default="none", description="random views of the training images: pad 4, crop, flip"
    )
    lock_transforms: bool = Field(
        default=True,
        description="a sample keeps its view from a snapshot to the next; without snapshots never",
    )
    precision: Literal["float32", "tf32", "bfloat16"] = Field(
        default="float32",
        description="of matrix products and convolutions; tf32 needs a GPU",
    )
    seed: int = Field(default=1, ge=0, description="keys folds, weights and batches")
    loss: str = Field(
        default="auto",
        description="cross-entropy (of labels), mse, mae or huber (of numbers), or "
        "FILE.py:FUNCTION; auto: cross-entropy or mse",
    )
    label_smoothing: float = Field(
        default=0.0, ge=0, lt=1, title="share", description="of a target, spread over all classes"
    )
    class_weights: Literal["none", "balanced"] | tuple[PositiveFloat, ...] = Field(
        default="none",
        title="none|balanced|w,w,...",
        description="factors of cross-entropy by class",
    )
    metric: str = Field(
        default="loss",
        description="what the study is judged by: loss, accuracy, balanced-accuracy, macro-f1, "
        "ece, rmse, mae, r2, or FILE.py:FUNCTION",
    )

    @model_validator(mode="before")
    @classmethod
    def _knows(cls, given: Any) -> Any:
        fields = cls.model_fields
        for name in given if isinstance(given, dict) else ():
            if name not in fields:
                near = get_close_matches(str(name), fields, 1)
                known = f"did you mean {near[0]}?" if near else f"choose from {', '.join(fields)}"
                said = {"name": repr(name), "known": known}
                raise PydanticCustomError(UNKNOWN, "a task has no setting {name}: {known}", said)
        return given

    @field_validator("*", mode="before")
    @classmethod
    def _is_of_its_kind(cls, given: Any, info: ValidationInfo) -> Any:
        kind = cls.model_fields[str(info.field_name)].annotation
        if isinstance(given, bool) and kind is not bool:
            raise PydanticCustomError("no_bool", "give a number or a word")
        if callable(given):
            raise PydanticCustomError(
                "no_text", "give it as text, FILE.py:NAME or package.module:NAME"
            )
        return os.fspath(given) if isinstance(given, os.PathLike) else given

    @field_validator("dataset", "model", "loss", "metric", "target")
    @classmethod
    def _can_be_kept(cls, given: str | None) -> str | None:
        if given is not None and (fault := path_fault(given)):
            raise PydanticCustomError("path", fault)
        return given

    @field_validator("class_weights", mode="before")
    @classmethod
    def _separated(cls, given: Any) -> Any:
        """A command line gives 1,2,0.5."""
        if given in ("none", "balanced"):
            return given
        try:
            weights = tuple(map(float, given.split(",") if isinstance(given, str) else given))
        except (TypeError, ValueError):
            weights = ()
        if not weights or not all(0 < weight < math.inf for weight in weights):
            said = "give none, balanced, or a number above 0 for each class, such as 1,2,0.5"
            raise PydanticCustomError("class_weights", said)
        return weights

    @property
    def parts(self) -> int:
        """Validation parts, and so lanes of a trial: the folds, or one that is held out."""
        return 1 if self.holdout else self.folds


JOURNALS = (".log", ".journal")  # suffixes of files that are no SQLite database


def storage_url(storage: str | Path) -> str:
    """A storage's URL; a path is that of a SQLite database, or of a journal by its suffix.

    UsageError for what is neither text nor a path, and for what no study could remember.
    """
    if not isinstance(storage, str | os.PathLike):
        raise UsageError(f"storage: give a URL or a path (got {type(storage).__name__})")
    url, is_path = os.fsdecode(storage), not isinstance(storage, str)
    if is_path or "://" not in url:
        url = os.path.expanduser(url)
    server = "://" in url and not is_path and not url.startswith("sqlite")
    if fault := text_fault(url) if server else path_fault(url):
        raise UsageError(f"storage: {fault}")
    if not is_path or url.endswith(JOURNALS):
        return url
    if "?" in url:
        raise UsageError("storage: give a file without ?, which begins the options of a URL")
    return f"sqlite:///{url.replace('%', '%25')}"


Storage = Annotated[str | Path, PlainValidator(storage_url)]  # arrives as a URL
