"""The oracle: losses and gradients of all lanes, fused or one lane after another."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap

from vrtune.lanes.precision import computed_in
from vrtune.lanes.rows import Layout

Buffers = dict[str, Tensor]


class Oracle(ABC):
    """Evaluates the module at the rows of W [r, P]. Buffers [r, ...] change in place, in train
    mode, as the module changes its own; a caller that must not see that passes a copy."""

    def __init__(self, module: nn.Module, precision: str = "float32") -> None:
        """`precision` holds for gradients and outputs; see `computed_in`."""
        self.module = module
        self.layout = Layout(module)
        device = next(module.parameters()).device
        self.computed = partial(computed_in, precision, device)

    def gradient(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients [r, P] and mean losses [r] on batches x [r, B, C, H, W], y [r, B]."""
        with self.computed():
            return self._gradient(W, buffers, x, y)

    def logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs [r, B, classes] in eval mode, without gradients."""
        with self.computed(), torch.no_grad():
            return self._logits(W, buffers, x).to(W.dtype)

    def share(self, threads: int) -> None:
        """Shares the lanes out among so many threads, where that is possible."""

    @abstractmethod
    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        """Mean losses [r] in train mode, as a graph over parameters [r, *shape]."""

    @abstractmethod
    def _gradient(
        self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def _logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor: ...


class Fused(Oracle):
    """All lanes in one call: vmap over the rows, one backward of the summed losses."""

    def _forward(self, parameters: dict[str, Tensor], buffers: Buffers, x: Tensor) -> Tensor:
        def one(p: dict[str, Tensor], b: Buffers, xi: Tensor) -> Tensor:
            return functional_call(self.module, (p, b), (xi,))

        return vmap(one)(parameters, buffers, x)

    def _gradient(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        leaves = {k: v.detach().requires_grad_() for k, v in self.layout.views(W).items()}
        losses = self.losses(list(leaves.values()), buffers, x, y)
        grads = torch.autograd.grad(losses.sum(), list(leaves.values()))
        return torch.cat([g.reshape(len(W), -1) for g in grads], 1), losses.detach()

    def _logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        self.module.eval()
        views = self.layout.views(W)
        if W.device.type != "cpu":
            return self._forward(views, buffers, x)
        # large batches gain nothing from fusing on a CPU, and its grouped convolutions are slow
        named = views | buffers
        seats = [{name: v[row] for name, v in named.items()} for row in range(len(W))]
        return torch.stack(
            [functional_call(self.module, at, (xi,)) for at, xi in zip(seats, x, strict=True)]
        )

    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        self.module.train()
        named = dict(zip(self.layout.shapes, parameters, strict=True))
        logits = self._forward(named, buffers, x)
        each = F.cross_entropy(logits.flatten(0, 1), y.flatten(), reduction="none")
        return each.view(y.shape).mean(1)


class Looped(Oracle):
    """One lane after another: the module's parameters are pointed at a row of W, and their
    gradients at the same row of the result, so a backward pass writes in place.

    Threads share the lanes out; each computes its lanes alone, so their number changes no value.
    """

    def __init__(self, module: nn.Module, precision: str = "float32", threads: int = 1) -> None:
        super().__init__(module, precision)
        # cuDNN's convolutions prefer channels last; a batched one has no such layout
        cuda = next(module.parameters()).device.type == "cuda"
        self.memory_format = torch.channels_last if cuda else torch.contiguous_format
        self.modules: list[nn.Module] = []
        self.pool: ThreadPoolExecutor | None = None
        self.share(threads)

    def share(self, threads: int) -> None:
        if threads == len(self.modules):
            return
        if self.pool:
            self.pool.shutdown()
        self.modules = [self.module, *(copy.deepcopy(self.module) for _ in range(threads - 1))]
        self.pool = ThreadPoolExecutor(threads) if threads > 1 else None

    def _gradient(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        G = torch.zeros_like(W)
        grads = list(self.layout.views(G).values())

        def work(module: nn.Module, xi: Tensor, row: int) -> Tensor:
            for p, grad in zip(module.parameters(), grads, strict=True):
                p.grad = grad[row]
            loss = F.cross_entropy(module(xi), y[row])
            loss.backward()
            return loss.detach()

        return G, self._each(W, buffers, x, work, train=True)

    def _logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        def work(module: nn.Module, xi: Tensor, row: int) -> Tensor:
            out: Tensor = module(xi)
            return out

        return self._each(W, buffers, x, work, train=False)

    def _each(
        self,
        W: Tensor,
        buffers: Buffers,
        x: Tensor,
        work: Callable[[nn.Module, Tensor, int], Tensor],
        *,
        train: bool,
    ) -> Tensor:
        """work(module, x[row], row) of every row, stacked, with the module at that row."""
        weights, count = list(self.layout.views(W).values()), len(self.modules)

        def some(first: int) -> list[Tensor]:
            module = self.modules[first].train(train)
            parameters, own = list(module.parameters()), dict(module.named_buffers())
            out = []
            with self.computed(), torch.set_grad_enabled(train):  # both belong to a thread
                for row in range(first, len(W), count):
                    for p, weight in zip(parameters, weights, strict=True):
                        p.data = weight[row]
                    for name, b in own.items():
                        b.data = buffers[name][row]
                    xi = x[row].contiguous(memory_format=self.memory_format)
                    out.append(work(module, xi, row))
            return out

        parts = list(self.pool.map(some, range(count))) if self.pool else [some(0)]
        return torch.stack([parts[row % count][row // count] for row in range(len(W))])

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
    """The oracle of a process; only looped lanes can be shared out among threads."""
    return Fused(module, precision) if fused else Looped(module, precision, threads)
