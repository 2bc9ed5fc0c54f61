"""Which oracle computes a module's gradients, and which way is the faster one: a rule, as two runs
that measured it could choose differently."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.gradients.each import way_of
from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.noise import few_lanes, is_tested, near, square_loss
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


def why_no_each(module: nn.Module, shape: tuple[int, ...]) -> str:
    """Why samples of a shape have no gradients of their own, or none that can be computed; empty if
    they have."""
    try:
        way_of(Looped(copy.deepcopy(module)), shape)
    except UsageError as error:
        return str(error)
    return ""


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
    return all(map(near, found, wanted))


def _few(oracle: Oracle, shape: tuple[int, ...]) -> list[Tensor]:
    """Tensors [3, ...] of three lanes on three samples each, whose weights differ."""
    W, buffers, x, y = few_lanes(oracle, shape)
    with square_loss(oracle):
        gradients, losses = oracle.gradient(W, buffers, x, y)
    outputs = oracle.logits(W, {name: b.clone() for name, b in buffers.items()}, x)
    parts = oracle.layout.views(gradients)
    return [gradients, losses, outputs, *parts.values(), *buffers.values()]
