"""The small problem that lanes and slow loops are both given: a tiny net on random images.

In double precision, so that two ways to compute the same thing agree to many digits.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.batches import bounds, epoch_order
from vrtune.lanes.rows import Program
from vrtune.models.norms import norm1d, norm2d
from vrtune.trial_config import TrialConfig

HORIZON = 4  # epochs of a whole run, for what changes along it
SAMPLES, TRAIN, BATCH_SIZE, CLASSES, SHAPE = 30, 23, 5, 3, (2, 6, 6)  # the last batch has 3


class TinyNet(nn.Module):
    """conv 3 - norm - tanh - linear 4 - norm - tanh - classes."""

    def __init__(self, norm: str) -> None:
        super().__init__()
        bias = norm != "batch"
        self.layers = nn.Sequential(
            nn.Conv2d(2, 3, 3, stride=2, bias=bias),
            norm2d(norm, 3),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(12, 4, bias=bias),
            norm1d(norm, 4),
            nn.Tanh(),
            nn.Linear(4, CLASSES),
        )

    def forward(self, x: Tensor) -> Tensor:
        """[B, 2, 6, 6] -> [B, classes]."""
        return self.layers(x)


def data() -> tuple[Tensor, Tensor]:
    """Noise, with a different bright patch for every class."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES, *SHAPE, generator=generator, dtype=torch.float64)
    y = torch.arange(SAMPLES) % CLASSES
    for label in range(CLASSES):
        x[y == label, :, 2 * label : 2 * label + 2] += 0.7
    return x, y


def stream(name: str, seed: int = 1) -> Stream:
    """Samples and normalisation of its own for every name."""
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    order = torch.randperm(SAMPLES, generator=generator)
    scale = 0.8 + torch.rand(2, generator=generator, dtype=torch.float64) / 2
    shift = torch.rand(2, generator=generator, dtype=torch.float64) / 4
    return Stream(
        name, seed, order[:TRAIN].sort().values, order[TRAIN:].sort().values, scale, shift
    )


def make(norm: str) -> Callable[[], nn.Module]:
    """What Lanes wants: a function that builds the net."""
    return lambda: TinyNet(norm).double()


def seat(
    configs: Sequence[TrialConfig],
    norm: str = "none",
    *,
    fused: bool = False,
    names: Sequence[str] = ("fold 0", "fold 1"),
) -> Lanes:
    """Lanes for the settings, one each, on streams in turn."""
    lanes = Lanes(
        make(norm), data(), BATCH_SIZE, Program.of(configs[0]), fused=fused, epochs=HORIZON
    )
    lanes.append([lane(config, i, names) for i, config in enumerate(configs)])
    return lanes


def lane(config: TrialConfig, i: int, names: Sequence[str] = ("fold 0", "fold 1")) -> Lane:
    """The i-th trial, on one of the streams."""
    return Lane(i, config, stream(names[i % len(names)]))


def module_in(lanes: Lanes, row: int) -> nn.Module:
    """A module of its own with the weights and buffers of a row."""
    module = copy.deepcopy(lanes.oracle.original)
    for p in module.parameters():
        p.grad = None
    values = lanes.rows.named()
    module.load_state_dict({name: value[row].clone() for name, value in values.items()})
    return module


def batches(of: Stream, epoch: int, partition: int) -> list[tuple[Tensor, Tensor]]:
    """A stream's batches in an epoch, cut from the training set one sample after another."""
    x, y = data()
    order = of.train[epoch_order(of.key(), len(of.train), BATCH_SIZE, partition, epoch)]
    scale, shift = of.scale.view(-1, 1, 1), of.shift.view(-1, 1, 1)
    return [
        (torch.stack([x[i] * scale - shift for i in order[a:b]]), y[order[a:b]])
        for a, b in bounds(len(order), BATCH_SIZE)
    ]


def epochs(
    of: Stream, count: int, period: int = 1, start: int = 0
) -> list[list[tuple[Tensor, Tensor]]]:
    """The first `count` epochs; from `start` on, `period` of them share one partition."""
    return [
        batches(of, epoch, epoch if epoch < start else epoch - (epoch - start) % period)
        for epoch in range(count)
    ]


def epochs_of(lane: Lane, count: int) -> list[list[tuple[Tensor, Tensor]]]:
    """The first `count` epochs of a lane, by its settings."""
    knobs = lane.config.estimator.model_dump()
    period, start = knobs.get("snapshot_period", 1), knobs.get("start_epoch", 0)
    if lane.config.estimator.holds_partition:
        period = count
    return epochs(lane.stream, count, period, start)
