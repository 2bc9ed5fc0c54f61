"""The parameters under an estimator, as one row, and their gradients at other weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from vrtune.errors import UsageError
from vrtune.estimators.base import Estimator
from vrtune.optim.off_step import Buffers, Modules, modules_of, random_state, same_random
from vrtune.optim.passes import Pass
from vrtune.optim.row import Row
from vrtune.optim.tables import restore_room
from vrtune.units import EstimatorSettings


class Trained:
    """A row of parameters, the estimator that runs on it, and which of them move."""

    def __init__(self, params: Sequence[Tensor], estimator: EstimatorSettings) -> None:
        """Begins at the weights as they are."""
        self.row = Row(params)
        weights = self.row.weights()
        self.only = torch.zeros(
            1, dtype=torch.long, device=self.row.device
        )  # the number of the row
        self.algorithm: Estimator = estimator.algorithm(weights, **estimator.words())
        self.algorithm.shapes = self.row.shapes
        self.algorithm.admit(self.only, weights)
        self.moved = [False] * len(self.row.params)  # who ever had a gradient
        self.modules: Modules | None = None  # looked for when they are needed

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "modules": None}

    def gradients(
        self, closure: Callable[[], Any], points: Sequence[Tensor]
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """The closure's loss at the first point, which is the step's own, and gradients at all.

        Weights, buffers and random numbers are then as after the first call.
        """
        others = points[1:]
        again = random_state(self.row.device) if others else None
        loss, g = self._call(closure)
        found = [g]
        if again is not None:
            try:
                with Buffers(self._found_modules()), same_random(self.row.device):
                    for point in others:
                        again()  # the same masks of dropout
                        self.row.write(point)
                        found.append(self._call(closure)[1])
            finally:
                self.row.write(points[0])
        return loss, tuple(found)

    def _call(self, closure: Callable[[], Any]) -> tuple[Any, Tensor]:
        self.row.clear()
        with torch.enable_grad():
            loss = closure()
        self._note()
        return loss, self.row.gradients()

    def _note(self) -> None:
        had = [p.grad is not None for p in self.row.params]
        if not any(had):
            raise UsageError(
                "the closure left no gradient: it is to compute the loss and call backward()"
            )
        self.moved = [m or h for m, h in zip(self.moved, had, strict=True)]

    def snapshot(self, over: Pass) -> None:
        """Takes a snapshot; weights, buffers and random numbers are then as before."""
        weights = self.row.weights()
        try:
            with Buffers(self._found_modules()), same_random(self.row.device, over.closures):
                self.algorithm.snapshot(self.only, weights, over.mean_gradient)
        finally:
            self.row.write(weights)
            self.row.clear()
        self.moved = [m or h for m, h in zip(self.moved, over.moved, strict=True)]

    def _found_modules(self) -> Modules:
        if self.modules is None:
            self.modules = modules_of(self.row.params)
        return self.modules

    def tensor(self, values: Sequence[float]) -> Tensor:
        """Numbers as [1, n]."""
        return torch.tensor([values], dtype=self.row.dtype, device=self.row.device)

    def tensors(self, numbers: dict[str, list[float]]) -> dict[str, Tensor]:
        """Settings that are numbers, each [1, n]."""
        return {name: self.tensor(values) for name, values in numbers.items()}

    def remembered(self) -> dict[str, Any]:
        """What is saved."""
        return {"state": self.algorithm.state, "moved": self.moved}

    def recall(self, remembered: dict[str, Any]) -> None:
        """Takes up what was saved; UsageError where it is of other parameters."""
        state = self.algorithm.state
        saved: dict[str, Tensor] = remembered["state"]
        restore_room(self.algorithm, saved)
        shapes = {name: tensor.shape for name, tensor in saved.items()}
        if shapes != {name: tensor.shape for name, tensor in state.items()}:
            raise UsageError(
                "the estimator's state is of other parameters: load it into an optimizer of the "
                "same model, with the same parameters frozen"
            )
        for name, tensor in saved.items():
            state[name].copy_(tensor)
        self.moved = list(remembered["moved"])
