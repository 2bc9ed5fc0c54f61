"""Ways to convolve many lanes on a GPU, each replayed as a graph: those of convolution.py.

looped, one lane after another; grouped, what vmap makes of a convolution; unfold, one batched
matrix product. A search has the first two.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from convolution import unfolded
from torch import nn

from gpu_parts.made import CLASSES, MNIST
from gpu_parts.running import Bench, Case, Part, Row
from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.lanes.replay import WARM_UP, Replay, release
from vrtune.models import build

BATCH, TURNS = 32, 10


@dataclass
class Way:
    """A gradient of all lanes, and its replay."""

    work: Callable[[], object]
    replay: Replay

    def run(self) -> None:
        """Computes it."""

        def work() -> None:
            self.work()

        self.replay(work)


def cases(bench: Bench) -> Iterator[Case]:
    """LeNet's gradient at several numbers of lanes."""
    for lanes in (2,) if bench.small else (4, 16, 64, 256):
        yield f"{lanes} lanes", partial(_measure, bench, lanes)


def _measure(bench: Bench, lanes: int) -> Row:
    """Milliseconds a lane's gradient, medians of turns."""
    turns = 1 if bench.small else TURNS
    ways = _ways(bench, lanes)
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(turns + WARM_UP + 1):
        for name, way in ways.items():
            bench.wait()
            began = time.perf_counter()
            way.run()
            bench.wait()
            if turn > WARM_UP:
                times[name].append(1000 * (time.perf_counter() - began) / lanes)
    release(bench.device)
    return {name: median(values) for name, values in times.items()} | {"n": turns}


def _ways(bench: Bench, lanes: int) -> dict[str, Way]:
    """Each on the same lanes; their gradients agree."""
    device = bench.device

    def model() -> nn.Module:
        torch.manual_seed(0)
        return build("lenet", MNIST, CLASSES, "none").to(device)

    W = torch.cat([p.detach().flatten() for p in model().parameters()]).repeat(lanes, 1)
    x = torch.randn(lanes, BATCH, *MNIST, device=device)
    y = torch.randint(CLASSES, (lanes, BATCH), device=device)
    oracles = {
        "looped": Looped(model()), "grouped": Fused(model()), "unfold": Fused(unfolded(model()))
    }  # fmt: skip
    wanted = oracles["looped"].gradient(W, {}, x, y)[0]
    for oracle in oracles.values():
        torch.testing.assert_close(oracle.gradient(W, {}, x, y)[0], wanted, rtol=1e-3, atol=1e-5)
    return {
        name: Way(partial(oracle.gradient, W, {}, x, y), Replay(W.device))
        for name, oracle in oracles.items()
    }


PART = Part("convolution", 4, cases)
