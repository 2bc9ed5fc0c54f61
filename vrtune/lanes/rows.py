"""The matrix W [lanes, parameters], everything else that has one row a lane, and who sits where."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vrtune.config import Settings, TrialConfig
from vrtune.estimators import ESTIMATORS
from vrtune.gradients.layout import Layout, flatten
from vrtune.lanes.batches import Stream
from vrtune.optimizers import OPTIMIZERS


@dataclass
class Lane:
    """One training run: a trial's settings on one stream of batches."""

    trial: int
    config: TrialConfig
    stream: Stream
    epoch: int = 0
    gradient_computations: float = 0.0

    @property
    def partition(self) -> int:
        """The epoch whose partition into batches the next epoch uses: that of the last snapshot."""
        settings = self.config.estimator
        estimator = ESTIMATORS[settings.kind]
        since = self.epoch - estimator.starts(settings)
        if not estimator.keeps_snapshot or since < 0:
            return self.epoch
        return self.epoch - since % estimator.snapshot_period(settings)

    @property
    def started(self) -> bool:
        """False while a late start has the estimator wait."""
        settings = self.config.estimator
        return self.epoch >= ESTIMATORS[settings.kind].starts(settings)

    @property
    def cost(self) -> float:
        """Gradient computations of a step of the next epoch."""
        return ESTIMATORS[self.config.estimator.kind].cost if self.started else 1.0


def numbers(settings: Settings) -> dict[str, list[float]]:
    """The numeric fields of a unit's settings; a pair keeps both its numbers."""
    fields = {name: getattr(settings, name) for name in type(settings).model_fields}
    return {
        name: [float(v) for v in value] if isinstance(value, tuple) else [float(value or 0)]
        for name, value in fields.items()
        if not isinstance(value, str)
    }


class Rows:
    """Weights, buffers, hyperparameters and the method's state of L lanes.

    All of it is allocated once and changed in place; `resize` alone changes the number of rows.
    """

    def __init__(self, module: nn.Module, program: tuple[str, str], lanes: int) -> None:
        """`program` names the estimator and the optimizer that all lanes share."""
        self.layout = Layout(module)
        row = flatten(module)
        self.W = row.new_zeros(lanes, self.layout.size)
        self.buffers = {
            name: torch.zeros(lanes, *b.shape, dtype=b.dtype, device=b.device)
            for name, b in module.named_buffers()
        }
        self.estimator = ESTIMATORS[program[0]](self.W)
        self.optimizer = OPTIMIZERS[program[1]](self.W)
        self.hp: dict[str, dict[str, Tensor]] = {"estimator": {}, "optimizer": {}, "init": {}}
        self.clock = {name: row.new_zeros(lanes, 1) for name in ("epoch", "epochs")}

    def groups(self) -> list[dict[str, Tensor]]:
        """Every dictionary of tensors that has one row a lane."""
        states = self.estimator.state, self.optimizer.state
        return [self.buffers, *states, *self.hp.values(), self.clock]

    def tick(self, epochs: list[int], total: int) -> None:
        """Sets the clock: every lane's epoch, and the epochs of the whole run."""
        self.clock["epoch"].copy_(torch.tensor(epochs).unsqueeze(1))
        self.clock["epochs"].fill_(total)

    def write(self, rows: list[int], lanes: list[Lane], starts: list[nn.Module]) -> None:
        """Puts fresh lanes into `rows`: weights and buffers of `starts`, settings, zeroed state."""
        for row, lane, start in zip(rows, lanes, starts, strict=True):
            self.W[row] = flatten(start)
            for name, value in start.named_buffers():
                self.buffers[name][row] = value
            for part, hp in self.hp.items():
                for name, values in numbers(getattr(lane.config, part)).items():
                    if name not in hp:
                        hp[name] = self.W.new_zeros(len(self.W), len(values))
                    hp[name][row] = self.W.new_tensor(values)
        for group in (self.estimator.state, self.optimizer.state):
            for tensor in group.values():
                tensor[rows] = 0

    def start(self, rows: Tensor) -> None:
        """Lets estimator and optimizer prepare `rows`, whose weights are ready now."""
        self.estimator.admit(rows, self.W)
        self.optimizer.admit(rows, self.hp["optimizer"])

    def resize(self, keep: list[int], extra: int) -> None:
        """Keeps the rows named, in that order, and adds `extra` empty ones."""

        def resized(tensor: Tensor) -> Tensor:
            return torch.cat([tensor[keep], tensor.new_zeros(extra, *tensor.shape[1:])])

        self.W = resized(self.W)
        for group in self.groups():
            group.update({name: resized(tensor) for name, tensor in group.items()})
