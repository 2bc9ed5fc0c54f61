"""A task made concrete on a device: its data, its streams, and lanes that train on them."""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from vrtune.config import Task
from vrtune.data import Dataset, Part, of_task
from vrtune.data.folds import Split, hold_out, k_folds, limit_indices
from vrtune.data.normalise import statistics, target_statistics
from vrtune.errors import UsageError
from vrtune.gradients.keyed import drops
from vrtune.gradients.prepared import Habits, prepared
from vrtune.gradients.trying import habits_of
from vrtune.lanes.batches import Stream
from vrtune.lanes.rows import Program
from vrtune.lanes.size import Size, size_of
from vrtune.lanes.tables import check_table
from vrtune.lanes.train import Lanes
from vrtune.models import build
from vrtune.objectives.objective import objective_of
from vrtune.own.objects import is_object


class Workspace:
    """Everything that the lanes of a task share."""

    def __init__(
        self,
        task: Task,
        data_dir: Path,
        device: torch.device,
        dataset: Dataset | None = None,
        splits: list[Split] | None = None,
        *,
        threads: int = 1,
    ) -> None:
        """Reads the training set and draws the splits, unless they are given; raises UsageError or
        VrtuneError if the task can't be done. `threads` of a process may share its lanes."""
        self.task, self.device, self.threads = task, device, threads
        self.dataset = dataset or of_task(task, data_dir)
        self.objective = objective_of(task, self.dataset.train.y, self.dataset.outputs)
        self.indices = limit_indices(self.dataset.train.y, task.limit, task.seed)
        self.splits = splits or self._draw_splits()
        smallest = min(len(split.train) for split in self.splits)
        if task.batch_size > smallest:
            raise UsageError(
                f"batch size {task.batch_size} is more than a fold's training part ({smallest}): "
                f"use at most {smallest}"
            )
        if task.augment != "none" and 1 in self.dataset.shape[1:]:
            raise UsageError(
                f"{task.augment} takes views of images, which {self.dataset.name} has none of: use "
                "--augment none"
            )
        if task.precision == "tf32" and device.type != "cuda":
            raise UsageError("tf32 needs a CUDA device: use --precision float32")
        if self.batch_norms and task.batch_size == 1:  # made for the first time: is it fit?
            raise UsageError(
                "batch norm can't take the variance of one sample: use a batch size of at least 2"
            )
        self.train_data = self.on_device(self.dataset.train)
        self.tables: dict[object, int] = {}  # bytes of a lane's table of gradients, where asked for

    @property
    def signature(self) -> dict[str, Any]:
        """Task and data, by which a checkpoint knows its own."""
        return {"task": self.task.model_dump(mode="json"), "data": self.dataset.fingerprint}

    def _draw_splits(self) -> list[Split]:
        y, task = self.dataset.train.y, self.task
        if task.holdout:
            return hold_out(y, self.indices, task.holdout, task.seed)
        return k_folds(y, self.indices, task.folds, task.seed, self.dataset.class_names)

    def make(self, *, rated: bool = False) -> nn.Module:
        """The task's model, initialised with PyTorch's global random numbers, ready for lanes;
        `rated` ones say how much its dropout layers drop. UsageError where it has none then."""
        with torch.random.fork_rng([]):  # they are the caller's, too
            module = prepared(self._build(), self._habits, rated=rated)
        if rated and not drops(module):
            raise UsageError(
                f"a penalty sets the rate of dropout layers, of which model {self.task.model} has "
                "none: use --model mlp, lenet or tabular, your own with nn.Dropout layers, or "
                "another --penalty"
            )
        return module

    def _build(self) -> nn.Module:
        data, task = self.dataset, self.task
        return build(task.model, data.shape, data.outputs, task.norm)

    @cached_property
    def _habits(self) -> Habits:
        """Of the task's model: a user's is tried out."""
        data, task = self.dataset, self.task
        if not is_object(task.model):
            return Habits()
        return habits_of(self._build, task.model, data.shape, data.outputs, task.batch_size)

    @cached_property
    def batch_norms(self) -> bool:
        """Whether the task's model has batch norm."""
        return any(isinstance(layer, _BatchNorm) for layer in self.make().modules())

    @cached_property
    def size(self) -> Size:
        """Of the task's model."""
        return size_of(self.make(), self.dataset.shape)

    def on_device(self, part: Part) -> tuple[Tensor, Tensor]:
        """x and y of a part, where the lanes train."""
        return part.x.to(self.device), part.y.to(self.device)

    @cached_property
    def folds(self) -> list[Stream]:
        """One stream a fold."""
        return [
            self._stream(f"fold {k}", split.train, split.validation)
            for k, split in enumerate(self.splits)
        ]

    def again(self, repeat: int) -> list[Stream]:
        """The folds once more, with the random numbers of this repeat, counted from 1."""
        return [
            self._stream(f"fold {k}, again {repeat}", split.train, split.validation)
            for k, split in enumerate(self.splits)
        ]

    def seeds(self, count: int) -> list[Stream]:
        """`count` streams on the whole training part, which differ by their random numbers."""
        nothing = torch.empty(0, dtype=torch.long)
        return [self._stream(f"seed {s}", self.indices, nothing) for s in range(1, count + 1)]

    def _stream(self, name: str, train: Tensor, validation: Tensor) -> Stream:
        """A stream whose normalisation comes from its own training part alone."""
        mean, std = statistics(self.dataset.train.x, train)
        unit = 255.0 if self.dataset.train.x.dtype == torch.uint8 else 1.0
        y_scale, y_shift = target_statistics(self.dataset.train.y, train)
        return Stream(
            name, self.task.seed, train, validation, 1 / (unit * std), mean / std, y_scale, y_shift
        )

    def lanes(self, program: Program, *, fused: bool, most: int | None = None) -> Lanes:
        """Room for lanes that share a program, `most` of them in one gradient, or all."""
        task = self.task
        check_table(self, program.like)
        return Lanes(
            partial(self.make, rated=program.penalty.drops),
            self.train_data,
            task.batch_size,
            program,
            fused=fused,
            objective=self.objective,
            precision=task.precision,
            threads=self.threads,
            most=most,
            epochs=task.epochs,
            augment=task.augment != "none",
            lock_transforms=task.lock_transforms,
        )
