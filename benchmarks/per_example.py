"""Gradients of single samples: a loop over samples, torch.func, the factored form, opacus.

    python benchmarks/per_example.py [--device cuda] [--repeats 5] [--lanes 8]

Milliseconds of a batch, the best of runs after each other, as in training, but for the first.
`batch` is the batch's own gradient, beside which the others are to be seen; `tutorial` is PyTorch's
vmap of grad_and_value of module and loss. One thread on a CPU. Lanes are fused as a search would
have them, one lane alone is looped. Both ways of a convolution are timed layer by layer: unfolded,
or as a convolution of as many groups as samples. opacus is left out where it is not installed. On a
GPU our ways are replayed as CUDA graphs, as in training. Writes per-example-cpu.json, or -cuda, to
docs/benchmarks.
"""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from record import asking, write
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, vmap
from torch.nn.grad import conv2d_weight

from vrtune.gradients.choice import make_oracle
from vrtune.gradients.each import FACTORED, VMAP, each
from vrtune.gradients.layout import flatten
from vrtune.gradients.prepared import prepared
from vrtune.lanes.device import keep_memory
from vrtune.lanes.replay import Replay
from vrtune.models import build

Work = Callable[[], Any]
MODELS = {
    "softmax": (1, 28, 28),
    "mlp": (1, 28, 28),
    "lenet": (1, 28, 28),
    "sixconv": (3, 32, 32),
    "resnet18-small": (3, 32, 32),
}
BATCHES = (8, 32, 128)
LARGEST = 2**26  # numbers of all samples' gradients at once; more would time the memory's pages
LAYERS = {  # a convolution's weight, and the side of its inputs; padding keeps sides
    "lenet 1": ((6, 1, 5, 5), 28),
    "lenet 2": ((16, 6, 5, 5), 14),
    "sixconv 2": ((16, 16, 3, 3), 32),
    "sixconv 5": ((8, 8, 3, 3), 16),
    "64 at 8x8": ((64, 64, 3, 3), 8),
    "64 at 4x4": ((64, 64, 3, 3), 4),
    "128 at 4x4": ((128, 128, 3, 3), 4),
    "16 at 2x2": ((16, 16, 3, 3), 2),
}


def main() -> None:
    warnings.filterwarnings("ignore", message=".*ull backward hook")
    parser = asking(__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lanes", type=int, default=8)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    keep_memory()
    device = torch.device(arguments.device)
    found = []
    for model in MODELS:
        for lanes in (1, arguments.lanes):
            for batch in BATCHES:
                works = dict(ways(model, lanes, batch, device))
                if works:
                    ms = timed(works, device, arguments.repeats)
                    found.append({"model": model, "lanes": lanes, "batch": batch, "ms": ms})
                    show(f"{model}, {lanes} lanes, batch {batch}", ms)
    layers = []
    for name, (weight, side) in LAYERS.items():
        for batch in BATCHES:
            ms = timed(dict(both(weight, side, batch, device)), device, arguments.repeats)
            layers.append({"layer": name, "batch": batch, "ms": ms})
            show(f"{name}, batch {batch}", ms)
    stem = arguments.output_dir / f"per-example-{device.type}"
    write(stem, device, arguments.repeats, {"models": found, "layers": layers})


def ways(model: str, lanes: int, batch: int, device: torch.device) -> Iterator[tuple[str, Work]]:
    """Every way to the gradients of a batch for each lane."""
    torch.manual_seed(0)
    shape = MODELS[model]
    module = prepared(build(model, shape, 10, "none")).to(device).train()
    W = flatten(module).repeat(lanes, 1)
    x = torch.randn(lanes, batch, *shape, device=device)
    y = torch.randint(10, (lanes, batch), device=device)
    if W.numel() * batch > LARGEST:
        return
    oracle = make_oracle(
        copy.deepcopy(module), fused=lanes > 1, precision="float32", threads=1, shape=shape
    )
    yield "batch", lambda: oracle.gradient(W, {}, x, y)
    if lanes == 1 and batch <= BATCHES[1]:
        yield "loop", lambda: loop(module, x[0], y[0])
    yield "vmap", lambda: each(oracle, VMAP, W, {}, x, y)
    yield "factored", lambda: each(oracle, FACTORED, W, {}, x, y)
    if lanes == 1:
        yield "tutorial", tutorial(module, x[0], y[0])
        if find_spec("opacus"):
            yield "opacus", opacus(module, x[0], y[0])


def loop(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """One sample after another."""
    found = []
    for i in range(len(y)):
        loss = F.cross_entropy(module(x[i : i + 1]), y[i : i + 1])
        gradient = torch.autograd.grad(loss, list(module.parameters()))
        found.append(torch.cat([g.flatten() for g in gradient]))
    return torch.stack(found)


def tutorial(module: nn.Module, x: Tensor, y: Tensor) -> Work:
    """vmap of grad_and_value, each parameter's gradients apart."""
    parameters = {name: p.detach() for name, p in module.named_parameters()}

    def loss(p: dict[str, Tensor], xi: Tensor, yi: Tensor) -> Tensor:
        return F.cross_entropy(functional_call(module, p, (xi[None],)), yi[None])

    work = vmap(grad_and_value(loss), (None, 0, 0))
    return lambda: work(parameters, x, y)


def opacus(module: nn.Module, x: Tensor, y: Tensor) -> Work:
    """GradSampleModule, each parameter's gradients apart."""
    from opacus import GradSampleModule

    judged = GradSampleModule(copy.deepcopy(module), loss_reduction="sum")

    def work() -> None:
        judged.zero_grad()
        F.cross_entropy(judged(x), y, reduction="sum").backward()

    return work


def both(
    weight: tuple[int, ...], side: int, batch: int, device: torch.device
) -> Iterator[tuple[str, Work]]:
    """A convolution's gradients of single samples by its weight, in both ways."""
    half = weight[2] // 2
    a = torch.randn(batch, weight[1], side, side, device=device)
    dz = torch.randn(batch, weight[0], side, side, device=device)
    wide, many = (batch * weight[0], *weight[1:]), dz.reshape(1, -1, side, side)

    def unfolded() -> Tensor:
        seen = F.unfold(a, weight[2:], padding=half).view(batch, prod(weight[1:]), -1)
        return dz.flatten(2).bmm(seen.transpose(1, 2))

    yield "unfolded", unfolded
    beside = a.reshape(1, -1, side, side)
    yield "groups", lambda: conv2d_weight(beside, wide, many, 1, half, 1, batch)


def timed(works: dict[str, Work], device: torch.device, repeats: int) -> dict[str, float]:
    """The fewest milliseconds of each."""
    best = dict.fromkeys(works, float("inf"))
    replays = {name: Replay(device) for name in works if name in ("batch", "vmap", "factored")}
    warm = 5 if device.type == "cuda" else 1
    for name, work in works.items():  # not in turn: each finds the memory as its last run left it
        for i in range(warm + repeats):
            start = time.perf_counter()
            if name in replays:
                replays[name](work)
            else:
                work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if i >= warm:
                best[name] = min(best[name], 1e3 * (time.perf_counter() - start))
    return best


def show(what: str, ms: dict[str, float]) -> None:
    """A line of the figures."""
    print(f"{what:36}" + "  ".join(f"{name} {value:.2f}" for name, value in ms.items()), flush=True)


if __name__ == "__main__":
    main()
