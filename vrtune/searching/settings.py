"""How to search: every setting of a search, with its bounds, its default and what it means.

The one place for them: `search()` takes the fields as keywords, the command line as options; a new
field is both without further ado. Imports nothing heavy, as `vrtune search -h` reads it.
"""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from vrtune.config import Settings, Task, storage_url
from vrtune.errors import UsageError, explain
from vrtune.given.arguments import Device, read_path
from vrtune.given.names import name_fault

TRIALS = 30

Sampler = Literal["auto", "tpe", "random", "qmc", "gp", "grid"]
Pruner = Literal["folds", "median", "percentile", "hyperband", "halving", "none"]
Start = Literal["on", "off"]
Validate = Literal["epochs", "rungs"]
Fuse = Literal["auto", "on", "off"]
Edited = Literal["refuse", "accept"]
Kept = Literal["off", "curves", "weights"]

SPEED: JsonDict = {"panel": "Speed"}  # where the help shows a setting; else under Search
MACHINES: JsonDict = {"panel": "Many machines"}
END: JsonDict = {"panel": "After the search"}


class SearchSettings(Settings, title="Search"):
    """How to search, and what to do afterwards."""

    trials: int | None = Field(
        default=None,
        gt=0,
        description=f"trials to run in this search (default: {TRIALS}, or the whole grid, or what "
        "a budget allows)",
    )
    budget: float | None = Field(
        default=None,
        gt=0,
        title="gradients",
        description="start no trial once this search has spent so many gradient computations",
    )
    timeout: float | None = Field(
        default=None,
        gt=0,
        title="seconds",
        description="start no trial after this many seconds (default: no limit)",
    )
    sampler: Sampler = Field(
        default="auto",
        title="name",
        description=f"proposes the settings to try: {', '.join(get_args(Sampler))}",
    )
    start: Start = Field(
        default="on",
        description="whether auto starts with the space's DEFAULT and points of its GRID",
    )
    pruner: Pruner = Field(
        default="folds",
        title="name",
        description=f"ends poor trials early: {', '.join(get_args(Pruner))}",
    )
    validate_at: Validate = Field(
        default="epochs",
        description="when trials are judged: after each epoch, or only where the pruner decides",
    )
    study: str | None = Field(
        default=None,
        title="name",
        description="study to make or to continue (default: SPACE-DATASET-MODEL)",
    )
    edited_space: Edited = Field(
        default="refuse",
        description="when the study began with another text of the search space: refuse it, or "
        "accept it and go on with the ranges of now",
    )
    storage: str = Field(
        default="sqlite:///studies.db",
        title="url",
        description="of studies: sqlite:///FILE, FILE.journal, postgresql://HOST/NAME, grpc://HOST:PORT",
    )
    artifacts: Kept = Field(
        default="curves",
        description="what is kept of each trial in files, for the dashboard: the curves of its "
        "folds and its settings; weights: those of its folds, too, if it ran to its end",
    )
    checkpoint: Literal["auto", "off"] | int = Field(
        default="auto",
        title="auto|off|epochs",
        description="how often trials in training are written down, so that one that is cut off is "
        "continued: after so many epochs; auto: as often as it costs a hundredth of the time",
    )
    data_dir: Path = Field(
        default=Path("data"),
        title="dir",
        description="where data sets lie, or are downloaded to",
    )
    jobs: Literal["auto"] | int = Field(
        default="auto",
        json_schema_extra=SPEED,
        description="processes; auto: one a core on a CPU, one a GPU",
    )
    open: Literal["auto"] | int = Field(
        default="auto",
        json_schema_extra=SPEED,
        description="trials under way in a process; auto: as many as fill a GPU, on a CPU one "
        "after a few that start together",
    )
    lanes: Literal["auto"] | int = Field(
        default="auto",
        json_schema_extra=SPEED,
        description="of their training runs (one a fold) how many are computed at once, at most; "
        "auto: all that fit the memory; changes no result",
    )
    fuse: Fuse = Field(
        default="auto",
        json_schema_extra=SPEED,
        description="lanes in one gradient, or one after another; auto: by the model's size",
    )
    device: Device = Field(
        default="auto",
        title="name",
        json_schema_extra=SPEED,
        description="where to train: cpu, cuda (all GPUs), cuda:N (one) or mps; auto: CUDA, if any",
    )
    ray: str | None = Field(
        default=None,
        title="address",
        json_schema_extra=MACHINES,
        description="Ray cluster for workers: [ray://]HOST:PORT; auto: one here; local: a new one",
    )
    slurm: str | None = Field(
        default=None,
        title="options",
        json_schema_extra=MACHINES,
        description="Slurm's jobs for workers: sbatch's options, as partition=NAME,time=4:00:00; "
        "auto: none; local: processes here, to try it",
    )
    workers: int | None = Field(
        default=None,
        gt=0,
        json_schema_extra=MACHINES,
        description="workers that Ray or Slurm runs, each with --jobs processes (auto: one, or one "
        "a GPU); this process watches, confirms and retrains",
    )
    gpus: int = Field(
        default=0, ge=0, json_schema_extra=MACHINES, description="GPUs of each of these workers"
    )
    confirm: int = Field(
        default=3,
        ge=0,
        json_schema_extra=END,
        description="times that the most promising trial is judged again, on other weights and "
        "batches, before the choice is made; 0, or --retrain 0 alone: the first values decide",
    )
    retrain: int = Field(
        default=1,
        ge=0,
        json_schema_extra=END,
        description="best trials to train again on the whole training set and test; 0: none",
    )
    retrain_seeds: int = Field(
        default=3, ge=1, json_schema_extra=END, description="trainings of each of them"
    )

    @property
    def confirming(self) -> int:
        """`confirm`, but 0 where nothing is trained again and nobody asked for it."""
        return self.confirm if self.retrain or "confirm" in self.model_fields_set else 0

    @property
    def engines(self) -> int:
        """How many engines are to run the workers: one, or none where this process does."""
        return (self.ray is not None) + (self.slurm is not None)

    @model_validator(mode="after")
    def _is_one_engine(self) -> Self:
        if self.engines == 2 or (not self.engines and (self.workers or self.gpus)):
            raise PydanticCustomError("engine", "workers are those of ray or of slurm: give one")
        if self.engines and self.workers is None:
            raise PydanticCustomError("workers", "workers: say how many Ray or Slurm is to run")
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _is_no_flag(cls, given: Any) -> Any:
        if isinstance(given, bool):
            raise PydanticCustomError("no_bool", "give a number or a word")
        return given

    @field_validator("study")
    @classmethod
    def _names_a_folder(cls, study: str | None) -> str | None:
        if study is not None and (fault := name_fault(study)):
            raise PydanticCustomError("name", fault)
        return study

    @field_validator("data_dir", "storage", mode="before")
    @classmethod
    def _of_a_path(cls, given: Any, info: ValidationInfo) -> Any:
        return read_path(given) if info.field_name == "data_dir" else storage_url(given)

    @field_validator("jobs", "lanes", "open", "checkpoint", mode="wrap")
    @classmethod
    def _count(cls, given: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        try:
            count = read(given)
        except ValidationError:  # one sentence, and not one for each type it could have been
            count = 0
        if not isinstance(count, str) and count < 1:
            words = ", auto or off" if info.field_name == "checkpoint" else ", or auto"
            raise PydanticCustomError("count", f"give a whole number above 0{words}")
        return count

    @classmethod
    def read(cls, given: dict[str, Any]) -> Self:
        """The settings that are given by name. UsageError for one that is misspelt or refused."""
        for name in given:
            if name not in cls.model_fields:
                raise UsageError(f"a search has no setting {name!r}: {_meant(name)}")
        try:
            return cls(**given)
        except ValidationError as error:
            raise UsageError(explain(error)) from None


def _meant(name: str) -> str:
    """What a misspelt setting may have been; the task's are looked through, too."""
    near = get_close_matches(name, [*SearchSettings.model_fields, *Task.model_fields], 1)
    if not near:
        return f"choose from {', '.join(SearchSettings.model_fields)}"
    if near[0] in SearchSettings.model_fields:
        return f"did you mean {near[0]}?"
    return f"did you mean that of the task, Task({near[0]}=...)?"
