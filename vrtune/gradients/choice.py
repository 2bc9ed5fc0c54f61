"""Which oracle computes a module's gradients, and which way is the faster one: a rule, as two runs
that measured it could choose differently."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import MeanLoss, Oracle, mean_cross_entropy
from vrtune.gradients.prepared import draws_globally

# Multiplications of a layer with a batch, on average, up to which one call for all lanes is faster.
# It saves calls; where each has much to do, they cost nothing (docs/performance.md).
LINEAR = 3e5  # on a CPU, of nets without convolutions
GROUPED = 1.2e7  # on a CPU, of nets whose lanes are no channels side by side
CUDA = 1e8


def make_oracle(
    module: nn.Module,
    *,
    fused: bool,
    precision: str,
    threads: int,
    mean_loss: MeanLoss = mean_cross_entropy,
    shape: tuple[int, ...] | None = None,
) -> Oracle:
    """The oracle of a process. What only a CPU needs is imported on a CPU alone. What is faster for
    models of `shape` that no test holds to it, users' own, is tried on a few samples first."""
    way: type[Oracle] = Fused if fused else Looped
    if next(module.parameters()).device.type != "cpu":
        return _on_gpu(way(module, precision, threads, mean_loss), shape)
    from vrtune.gradients.cpu.pooling import by_sums

    if fused and precision == "float32" and stands(module, shape):
        from vrtune.gradients.cpu.side_by_side import SideBySide

        way = SideBySide
    elif (pooled := by_sums(module)) is not module and _holds(Looped, module, shape, pooled):
        module = pooled
    return way(module, precision, threads, mean_loss)


def _on_gpu(oracle: Oracle, shape: tuple[int, ...] | None) -> Oracle:
    """The oracle, with batches in the memory layout that its module takes."""
    usual = oracle.memory_format
    if usual is not torch.contiguous_format and shape is not None:
        plain = Looped(copy.deepcopy(oracle.module))
        plain.memory_format = torch.contiguous_format
        if not is_tested(oracle.module) and not _agree(oracle, plain, shape):
            oracle.memory_format = torch.contiguous_format
    return oracle


def is_tested(module: nn.Module) -> bool:
    """Whether a module is one of vrtune's, which the tests hold to every way."""
    return type(module).__module__.startswith("vrtune.models.")


def stands(module: nn.Module, shape: tuple[int, ...] | None) -> bool:
    """Whether lanes of a module on the CPU may stand side by side as channels, and are faster."""
    from vrtune.gradients.cpu.side_by_side import SideBySide, suits

    return suits(module) and _holds(SideBySide, module, shape)


def _holds(
    way: type[Oracle],
    module: nn.Module,
    shape: tuple[int, ...] | None,
    other: nn.Module | None = None,
) -> bool:
    """Whether lanes come out as they do one by one."""
    if shape is None or is_tested(module):
        return True
    return _agree(way(other or module), Looped(copy.deepcopy(module)), shape)


def pays(
    module: nn.Module, device: torch.device, products: float, shape: tuple[int, ...] | None = None
) -> bool:
    """Whether a device trains a module's lanes faster fused than looped. `products` are the
    multiplications of a layer with a batch, on average; `shape` is a sample's."""
    if device.type == "cuda":
        return products <= CUDA
    if not any(isinstance(layer, nn.Conv2d) for layer in module.modules()):
        return products <= LINEAR
    return products <= GROUPED or stands(module, shape)


def why_not_fused(module: nn.Module, shape: tuple[int, ...]) -> str:
    """Why a module on the CPU that sees samples of a shape can't be fused; empty if it can."""
    if draws_globally(module):
        return "it draws random numbers outside of nn.Dropout layers"
    fused, looped = Fused(copy.deepcopy(module)), Looped(copy.deepcopy(module))
    try:
        found = _few(fused, shape)
    except Exception:  # it looks at its values, or draws random numbers
        return "torch.vmap can't follow it"
    if is_tested(module) or _same(found, _few(looped, shape)):
        return ""
    return "its gradients come out otherwise than one by one"


# ---- trials --------------------------------------------------------------------------------------


def _agree(one: Oracle, other: Oracle, shape: tuple[int, ...]) -> bool:
    """Whether two oracles of a module say the same of a few lanes on noise: gradients, losses, what
    becomes of the buffers, and outputs in eval mode."""
    wanted = _few(other, shape)
    try:
        return _same(_few(one, shape), wanted)
    except Exception:  # it looks at its layers in a way that only its author knows
        return False


def _same(found: list[Tensor], wanted: list[Tensor]) -> bool:
    return all(map(_near, found, wanted))


def _few(oracle: Oracle, shape: tuple[int, ...]) -> list[Tensor]:
    """Tensors [3, ...] of three lanes on three samples each, whose weights differ."""
    generator = torch.Generator().manual_seed(0)

    def noise(*size: int) -> Tensor:
        return torch.randn(size, generator=generator).to(oracle.device)

    row = flatten(oracle.original)
    W = (row + (0.1 * row.abs() + 0.01) * noise(3, len(row))).to(row.dtype)
    x, y = noise(3, 3, *shape).to(row.dtype), noise(3, 3)
    buffers = {}
    for name, b in oracle.original.named_buffers():
        buffers[name] = torch.stack([b.detach()] * 3)
        if name == KEY:
            buffers[name] += torch.arange(6, dtype=b.dtype, device=b.device).view(3, 2)
    usual, oracle.mean_loss = (
        oracle.mean_loss,
        lambda o, y: (o - y.unsqueeze(2)).square().mean((1, 2)),
    )
    try:
        gradients, losses = oracle.gradient(W, buffers, x, y)
    finally:
        oracle.mean_loss = usual
    outputs = oracle.logits(W, {name: b.clone() for name, b in buffers.items()}, x)
    parts = oracle.layout.views(gradients)
    return [gradients, losses, outputs, *parts.values(), *buffers.values()]


def _near(a: Tensor, b: Tensor) -> bool:
    """By what rounding leaves of float32."""
    if not b.is_floating_point():
        return torch.equal(a, b)
    a, b = a.detach().double(), b.detach().double()
    return bool((a - b).norm() <= 1e-3 * b.norm() + 1e-5)
