"""How batch sizes are searched: where that differs from a search. Imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.searching.settings import TRIALS, Sampler, SearchSettings

BATCH_SIZES = (32, 64, 128, 256, 512)
STEPS = 1000
# what follows from the question: steps are epochs, trials are equal, and no test data are read
NO_TASKS = ("batch_size", "epochs")
NO_SEARCHES = ("budget", "confirm", "retrain", "retrain_seeds")
RISING = ("accuracy", "balanced-accuracy", "macro-f1", "r2")  # to 1
FALLING = ("ece", "rmse", "mae")  # to 0


class ScalingSettings(SearchSettings, title="Search"):
    """How each batch size is searched: as by `search`, but for these."""

    trials: int | None = Field(
        default=None,
        gt=0,
        description="trials that the study of each batch size is brought to "
        f"(default: {TRIALS}, or the whole grid)",
    )
    sampler: Sampler = Field(
        default="qmc",
        title="name",
        description="proposes the settings to try; qmc: the same well-spread ones for every batch "
        "size; auto would seek the best end, and not the fewest steps",
    )
    study: str | None = Field(
        default=None,
        title="name",
        description="what the studies' names begin with; -bN follows (default: "
        "SPACE-DATASET-MODEL)",
    )
    confirm: int = Field(default=0, ge=0, description="nothing is judged again")
    retrain: int = Field(default=0, ge=0, description="nothing is trained on the whole set")

    @field_validator(*NO_SEARCHES, mode="before")
    @classmethod
    def _follows(cls, given: Any) -> Any:
        if given not in (None, 0):
            raise PydanticCustomError(
                "follows",
                "batch sizes are compared at equal trials, and on the folds alone: leave it out "
                "(vrtune retrain trains a study's best again)",
            )
        return given


def read_sizes(given: Iterable[int | str]) -> tuple[int, ...]:
    """Batch sizes, each once, the least first; a text may hold several: 32,64. UsageError if one is
    no whole number above 0."""
    words = [word for each in given for word in str(each).split(",")]
    sizes = {int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 10}
    wrong = [word for word in words if not (word.isascii() and word.isdigit() and len(word) < 10)]
    if wrong or 0 in sizes:
        raise UsageError(f"batch size: give whole numbers above 0 (got {(wrong or ['0'])[0]!r})")
    if len(sizes) < 2:
        raise UsageError("batch size: give at least two, such as --batch-size 32 64 128")
    return tuple(sorted(sizes))


def check_target(target: float, metric: str) -> None:
    """UsageError for a value that lies beyond a metric's best: nothing would ever reach it."""
    if metric in RISING and target > 1:
        raise UsageError(
            f"target: {metric} is 1 at best, and not in percent: give a value up to 1 (got "
            f"{target:g})"
        )
    if metric in FALLING and target < 0:
        raise UsageError(f"target: {metric} is 0 at best: give a value from 0 on (got {target:g})")


def check_task(task: Task) -> None:
    """UsageError for what the question itself sets in a task."""
    usual = Task()
    for name in NO_TASKS:
        if getattr(task, name) != getattr(usual, name):
            raise UsageError(
                f"task: {name} follows from batch sizes and steps: leave it out "
                f"(got {getattr(task, name)})"
            )


def check_study(study: str | None, spaces: Sequence[object]) -> None:
    """UsageError for one name of several spaces."""
    if study is not None and len(spaces) > 1:
        raise UsageError(
            f"--study {study!r} names one space's studies, and there are {len(spaces)}: leave it "
            "out, or give one space at a time"
        )
