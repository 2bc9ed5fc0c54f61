"""The oracle: losses and gradients of all lanes, fused or one lane after another."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from vrtune.lanes.precision import computed_in
from vrtune.lanes.rows import Layout

Buffers = dict[str, Tensor]
Result = TypeVar("Result")


class Oracle(ABC):
    """Evaluates the module at the rows of W [r, P]. Buffers [r, ...] change in place, in train
    mode, as the module changes its own; a caller that must not see that passes a copy.

    Threads share the rows out, each with a copy of the module.
    """

    least = 1  # rows of a thread
    memory_format = torch.contiguous_format  # of a batch, one row after another

    def __init__(self, module: nn.Module, precision: str = "float32", threads: int = 1) -> None:
        """`precision` holds for gradients and outputs; see `computed_in`."""
        self.module = self.original = module.train()
        self.layout = Layout(module)
        self.device = next(module.parameters()).device
        self.computed = partial(computed_in, precision, self.device)
        self.modules: list[nn.Module] = []
        self.pool: ThreadPoolExecutor | None = None
        self.share(threads)

    def gradient(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients [r, P] and mean losses [r] on batches x [r, B, C, H, W], y [r, B]."""

        def work(module: nn.Module, part: slice) -> tuple[Tensor, Tensor]:
            own = {name: b[part] for name, b in buffers.items()}
            return self._gradient(_in_mode(module, True), W[part], own, x[part], y[part])

        gradients, losses = zip(*self._parts(len(W), work, grad=True), strict=True)
        return _joined(gradients), _joined(losses)

    def logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs [r, B, classes] in eval mode, without gradients."""

        def work(module: nn.Module, part: slice) -> Tensor:
            own = {name: b[part] for name, b in buffers.items()}
            return self._logits(_in_mode(module, False), W[part], own, x[part]).to(W.dtype)

        return _joined(self._parts(len(W), work, grad=False))

    def share(self, threads: int) -> None:
        """Shares the rows out among so many threads, where there are enough of them."""
        if threads == len(self.modules):
            return
        if self.pool:
            self.pool.shutdown()
        self.modules = [self.module, *(copy.deepcopy(self.module) for _ in range(threads - 1))]
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def _parts(
        self, rows: int, work: Callable[[nn.Module, slice], Result], *, grad: bool
    ) -> list[Result]:
        """work(module, part) of every thread's part of the rows, in their order."""
        count = max(1, min(len(self.modules), rows // self.least))

        def one(module: nn.Module, part: slice) -> Result:
            with self.computed(), torch.set_grad_enabled(grad):  # both belong to a thread
                return work(module, part)

        if self.pool is None or count == 1:
            return [one(self.module, slice(0, rows))]
        return list(self.pool.map(one, self.modules, shares(rows, count)))

    def _seated(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor
    ) -> Iterator[Tensor]:
        """The batch of every row, while the module has that row's weights and buffers."""
        weights = list(self.layout.views(W).values())
        parameters, own = list(module.parameters()), dict(module.named_buffers())
        for row, xi in enumerate(x):
            for p, weight in zip(parameters, weights, strict=True):
                p.data = weight[row]
            for name, b in own.items():
                b.data = buffers[name][row]
            yield xi.contiguous(memory_format=self.memory_format)

    def _one_by_one(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs of one row after another."""
        return torch.stack([module(xi) for xi in self._seated(module, W, buffers, x)])

    @property
    def at_once(self) -> bool:
        """Whether several points of a step are better rows of one call."""
        return False

    @abstractmethod
    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        """Mean losses [r] in train mode, as a graph over parameters [r, *shape]."""

    @abstractmethod
    def _gradient(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor: ...


def _in_mode(module: nn.Module, train: bool) -> nn.Module:
    """The module in train or eval mode; only a change goes through all of its layers."""
    return module if module.training is train else module.train(train)


def shares(rows: int, count: int) -> list[slice]:
    """The rows in so many parts of about equal size."""
    return [slice(*cut) for cut in pairwise(rows * i // count for i in range(count + 1))]


def _joined(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


class Fused(Oracle):
    """All lanes in one call: vmap over the rows, one backward of the summed losses."""

    least = 2  # a group of one is another convolution, which rounds otherwise

    @property
    def at_once(self) -> bool:
        """A GPU's graph has no Python to save, and would need twice the memory."""
        return self.device.type == "cpu"

    def share(self, threads: int) -> None:
        """Shares the rows out, unless there are no convolutions: such a step is too short."""
        deep = any(isinstance(layer, nn.Conv2d) for layer in self.original.modules())
        super().share(threads if deep else 1)

    def _forward(
        self, module: nn.Module, parameters: Sequence[Tensor], buffers: Buffers, x: Tensor
    ) -> Tensor:
        """Outputs [r, B, classes] of one call."""
        return self._by_vmap(module, parameters, buffers, x)

    def _by_vmap(
        self, module: nn.Module, parameters: Sequence[Tensor], buffers: Buffers, x: Tensor
    ) -> Tensor:
        named = dict(zip(self.layout.shapes, parameters, strict=True))

        def one(p: dict[str, Tensor], b: Buffers, xi: Tensor) -> Tensor:
            return functional_call(module, (p, b), (xi,))

        return vmap(one)(named, buffers, x)

    def _gradient(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]:
        G, losses = torch.empty_like(W), []
        for rows in self._blocks(len(W)):
            own = {name: b[rows] for name, b in buffers.items()}
            leaves = [v.detach().requires_grad_() for v in self.layout.views(W[rows]).values()]
            loss = _losses(self._forward(module, leaves, own, x[rows]), y[rows])
            grads = torch.autograd.grad(loss.sum(), leaves)  # of a row, by that row alone
            for part, grad in zip(self.layout.views(G[rows]).values(), grads, strict=True):
                part.copy_(grad)
            losses.append(loss.detach())
        return G, _joined(losses)

    def _blocks(self, rows: int) -> list[slice]:
        """The rows that are computed in one call."""
        return [slice(0, rows)]

    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        if self.device.type == "cpu":  # where large batches gain little from fusing
            return self._one_by_one(module, W, buffers, x)
        return self._forward(module, list(self.layout.views(W).values()), buffers, x)

    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        return _losses(self._by_vmap(self.original.train(), parameters, buffers, x), y)


def _losses(logits: Tensor, y: Tensor) -> Tensor:
    """Mean losses [r] of logits [r, B, classes]."""
    each = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
    return each.view(y.shape).mean(1)


class Looped(Oracle):
    """One lane after another: the module's parameters are pointed at a row of W, and their
    gradients at the same row of the result, so a backward pass writes in place."""

    def __init__(self, module: nn.Module, precision: str = "float32", threads: int = 1) -> None:
        super().__init__(module, precision, threads)
        # cuDNN's convolutions prefer channels last; a batched one has no such layout
        if self.device.type == "cuda":
            self.memory_format = torch.channels_last

    def _gradient(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]:
        G, losses = torch.zeros_like(W), []
        grads = list(self.layout.views(G).values())
        for row, xi in enumerate(self._seated(module, W, buffers, x)):
            for p, grad in zip(module.parameters(), grads, strict=True):
                p.grad = grad[row]
            loss = F.cross_entropy(module(xi), y[row])
            loss.backward()
            losses.append(loss.detach())
        return G, torch.stack(losses)

    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        return self._one_by_one(module, W, buffers, x)

    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        self.module.train()
        out = []
        for row in range(len(x)):
            named = {name: p[row] for name, p in zip(self.layout.shapes, parameters, strict=True)}
            seated = {name: b[row] for name, b in buffers.items()}
            logits = functional_call(self.module, (named, seated), (x[row],))
            out.append(F.cross_entropy(logits, y[row]))
        return torch.stack(out)


def make_oracle(module: nn.Module, *, fused: bool, precision: str, threads: int) -> Oracle:
    """The oracle of a process."""
    if not fused:
        return Looped(module, precision, threads)
    from vrtune.lanes.side_by_side import SideBySide, suits  # which are made of what is above

    fused_by = SideBySide if precision == "float32" and suits(module) else Fused
    return fused_by(module, precision, threads)
