"""A lane's gradient of LeNet by every way there is to convolve many lanes, side by side.

    python benchmarks/convolution.py [--lanes 8] [--side 28] [--compile] [--device cuda]

looped   one lane after another
grouped  vmap of nn.Conv2d, which PyTorch turns into one grouped convolution
unfold   vmap of unfold and a matrix product, which becomes one batched product
side by side  lanes as channels, convolved by compiled loops of our own (CPU only)
compiled torch.compile of `grouped` (needs a C compiler; takes a while), with --compile

Prints milliseconds a lane's gradient, the median of interleaved runs.
Writes docs/benchmarks/convolution-DEVICE.json.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch
import torch.nn.functional as F
from record import asking, write
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from vrtune.gradients.cpu.side_by_side import SideBySide
from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle
from vrtune.lanes.device import choose_device
from vrtune.lanes.replay import WARM_UP, Replay
from vrtune.models import build

BATCH = 32


class Unfolded(nn.Conv2d):
    """nn.Conv2d as a matrix product with the unfolded image."""

    def forward(self, x: Tensor) -> Tensor:
        k, p = self.kernel_size[0], int(self.padding[0])
        patches = F.unfold(x, k, padding=p)  # [B, C k k, positions]
        y = self.weight.flatten(1) @ patches
        if self.bias is not None:
            y = y + self.bias[:, None]
        return y.unflatten(2, (x.shape[2] + 2 * p - k + 1, -1))


def unfolded(module: nn.Module) -> nn.Module:
    """The module with every convolution replaced."""
    for layer in module.modules():
        if type(layer) is nn.Conv2d:
            layer.__class__ = Unfolded
    return module


def ways(side: int, lanes: int, device: torch.device, compiled: bool) -> dict[str, Replay]:
    """What is compared, on the same lanes."""

    def model() -> nn.Module:
        torch.manual_seed(0)
        return build("lenet", (1, side, side), 10, "none").to(device)

    module = model()
    W = torch.cat([p.detach().flatten() for p in module.parameters()]).repeat(lanes, 1)
    x = torch.randn(lanes, BATCH, 1, side, side, device=device)
    y = torch.randint(10, (lanes, BATCH), device=device)
    oracles: dict[str, Oracle] = {"looped": Looped(module), "grouped": Fused(model())}
    oracles["unfold"] = Fused(unfolded(model()))
    if device.type == "cpu":
        oracles["side by side"] = SideBySide(model())
    works: dict[str, Callable[[], object]] = {
        name: lambda oracle=oracle: oracle.gradient(W, {}, x, y)  # type: ignore[misc]
        for name, oracle in oracles.items()
    }
    wanted = oracles["looped"].gradient(W, {}, x, y)[0]
    for oracle in oracles.values():
        found = oracle.gradient(W, {}, x, y)[0]
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)
    if compiled:
        views = oracles["grouped"].layout.views(W)

        def loss(p: dict[str, Tensor], xi: Tensor, yi: Tensor) -> Tensor:
            return F.cross_entropy(functional_call(module, p, (xi,)), yi)

        fast = torch.compile(vmap(grad(loss)))
        works["compiled"] = lambda: fast(views, x, y)

    def replayed(work: Callable[[], object], replay: Replay) -> Callable[[], None]:
        def once() -> None:
            work()

        return lambda: replay(once)

    return {name: replayed(work, Replay(device)) for name, work in works.items()}


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--lanes", type=int, default=8)
    parser.add_argument("--side", type=int, nargs="+", default=[16, 28])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    torch.set_num_threads(1)
    rows = []
    for side in arguments.side:
        runs = ways(side, arguments.lanes, device, arguments.compile)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for repeat in range(arguments.repeats + WARM_UP + 1):
            for name, run in runs.items():
                start = time.perf_counter()
                run()
                if device.type == "cuda":
                    torch.cuda.synchronize()
                if repeat > WARM_UP:
                    times[name].append(1000 * (time.perf_counter() - start) / arguments.lanes)
        row = {name: median(values) for name, values in times.items()}
        rows.append({"side": side, "lanes": arguments.lanes, **row})
        print(f"{side}x{side}: " + "  ".join(f"{n} {ms:.2f} ms" for n, ms in row.items()))
    stem = arguments.output_dir / f"convolution-{device.type}"
    write(stem, device, arguments.repeats, {"rows": rows})


if __name__ == "__main__":
    main()
