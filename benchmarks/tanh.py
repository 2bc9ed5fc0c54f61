"""tanh and the pooling after it, by PyTorch and by the loops of fused lanes on a CPU.

    python benchmarks/tanh.py [--lanes 8] [--side 28] [--repeats 31]

Output and gradient of LeNet's first tanh and average pooling, for batches of 32, in one thread;
nanoseconds a number that goes in, medians of interleaved runs. `sigmoid` is PyTorch's own, for
comparison. Writes docs/benchmarks/tanh-cpu.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from record import asking, write
from torch import Tensor, nn

from vrtune.gradients.cpu.samples_last import Tanh, TanhPoolLayer

BATCH, CHANNELS = 32, 6


def pool(x: Tensor) -> Tensor:
    """With samples where channels stand, along which PyTorch's channels-last pooling is fast."""
    return F.avg_pool2d(x.transpose(0, 1), 2).transpose(0, 1)


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--side", type=int, default=28)
    parser.add_argument("--repeats", type=int, default=31)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    side = arguments.side
    numbers = torch.randn(arguments.lanes * CHANNELS, side, side, BATCH)
    x = numbers.permute(3, 0, 1, 2).requires_grad_()  # samples last in memory, as in fused lanes
    both = TanhPoolLayer(nn.Tanh())
    direction = torch.randn_like(both(x))
    layers: dict[str, Callable[[Tensor], Tensor]] = {
        "sigmoid": torch.sigmoid,
        "PyTorch's tanh": torch.tanh,
        "our tanh": Tanh.apply,
    }
    pooled: dict[str, Callable[[Tensor], Tensor]] = {
        "PyTorch's tanh, pooled": lambda x: pool(torch.tanh(x)),
        "our tanh, pooled": lambda x: pool(Tanh.apply(x)),
        "both in one loop": both,
    }
    torch.testing.assert_close(both(x), F.avg_pool2d(x.tanh(), 2), rtol=1e-5, atol=1e-6)
    works: dict[str, Callable[[], object]] = {
        name: lambda layer=layer: layer(x.detach())  # type: ignore[misc]
        for name, layer in {**layers, **pooled}.items()
    } | {
        f"{name}, and gradient": lambda layer=layer: torch.autograd.grad(layer(x), x, direction)  # type: ignore[misc]
        for name, layer in pooled.items()
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(arguments.repeats):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            times[name].append(1e9 * (time.perf_counter() - start) / x.numel())
    found = {name: median(values) for name, values in times.items()}
    for name, ns in found.items():
        print(f"{name:36} {ns:.2f} ns")
    write(arguments.output_dir / "tanh-cpu", torch.device("cpu"), arguments.repeats, {"ns": found})


if __name__ == "__main__":
    main()
