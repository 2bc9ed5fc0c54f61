"""Task: what is tuned and how it is judged; Settings: what all that is described derives from."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt


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


class Task(Settings):
    """What is tuned and how it is judged; a study keeps one Task for its whole life.

    Args:
        dataset: a name (`vrtune list datasets`), a folder of images or an .npz file.
        model: the architecture's name (`vrtune list models`).
        norm: normalisation layers: none, batch or layer.
        init: how weights start: a name (`vrtune list methods`), or a module in your folder inits.
        folds: of the cross-validation, 2 or more.
        holdout: share of the samples held out once, in place of folds; above 0 and below 1.
        epochs: passes over the training part, 1 or more.
        batch_size: samples a step, 1 or more.
        limit: training samples used, every class in its proportion; None: all.
        augment: random views of the training images: none, or crop-flip (pad 4, crop, flip).
        lock_transforms: whether a sample keeps its view from a snapshot to the next.
        precision: of matrix products and convolutions: float32, tf32 (on a GPU) or bfloat16.
        seed: keys folds, weights and batches, 0 or more.

    Example:
        >>> from vrtune import Task
        >>> Task(epochs=10, holdout=0.2).parts  # lanes of a trial
        1
    """

    dataset: str = Field(
        default="digits",
        description="data set: a name (vrtune list datasets), a folder or an .npz file",
    )
    model: str = Field(default="lenet", description="architecture (vrtune list models)")
    norm: Literal["none", "batch", "layer"] = Field(
        default="none", description="normalisation layers"
    )
    init: str = Field(
        default="default",
        description="how weights start (vrtune list methods); yours: folder inits of search_spaces",
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

    @property
    def parts(self) -> int:
        """Validation parts, and so lanes of a trial: the folds, or one that is held out."""
        return 1 if self.holdout else self.folds


JOURNALS = (".log", ".journal")  # suffixes of files that are no SQLite database


def storage_url(storage: str | Path) -> str:
    """A storage's URL; a path is that of a SQLite database, or of a journal by its suffix."""
    if isinstance(storage, str):
        return storage
    return str(storage) if storage.suffix in JOURNALS else f"sqlite:///{storage}"
