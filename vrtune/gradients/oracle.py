"""What gradients are asked of: the module at the rows of W, shared out among threads."""

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

from vrtune.gradients import each as single
from vrtune.gradients.factored import Factors
from vrtune.gradients.layout import Layout
from vrtune.gradients.precision import computed_in
from vrtune.gradients.prepared import draws_globally
from vrtune.gradients.taps import Taps
from vrtune.inits.places import places_of

Buffers = dict[str, Tensor]
MeanLoss = Callable[[Tensor, Tensor], Tensor]  # outputs [r, B, k] and targets [r, B] to losses [r]
Result = TypeVar("Result")


def mean_cross_entropy(outputs: Tensor, y: Tensor) -> Tensor:
    """Mean losses [r] of outputs [r, B, classes]."""
    each = F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none")
    return each.view(y.shape).mean(1)


class Oracle(ABC):
    """Evaluates the module at the rows of W [r, P]. Buffers [r, ...] change in place, in train
    mode, as the module changes its own; a caller that must not see that passes a copy.

    Threads share the rows out, each with a copy of the module.
    """

    least = 1  # rows of a thread
    memory_format = torch.contiguous_format  # of a batch, one row after another

    def __init__(
        self,
        module: nn.Module,
        precision: str = "float32",
        threads: int = 1,
        mean_loss: MeanLoss = mean_cross_entropy,
    ) -> None:
        """`precision` holds for gradients and outputs; see `computed_in`."""
        self.module = self.original = module.train()
        self.mean_loss = mean_loss
        self.layout, self.places = Layout(module), places_of(module)
        self.device = next(module.parameters()).device
        self.draws = draws_globally(module)  # nobody else may draw at the same time
        self.computed = partial(computed_in, precision, self.device)
        self.modules: list[nn.Module] = []
        self.executor: ThreadPoolExecutor | None = None
        self.way = ""
        self.use_threads(threads)

    def gradient(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients [r, P] and mean losses [r] on batches x [r, B, C, H, W], y [r, B]."""

        def work(module: nn.Module, part: slice) -> tuple[Tensor, Tensor]:
            own = {name: b[part] for name, b in buffers.items()}
            return self._gradient(module, W[part], own, x[part], y[part])

        gradients, losses = zip(*self.in_threads(len(W), work), strict=True)
        return joined(gradients), joined(losses)

    def each(self, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients [r, B, P] and losses [r, B] of single samples: their means over samples are
        what `gradient` says of the batch. UsageError if samples have none of their own."""
        return single.each(self, self._way(x), W, buffers, x, y)

    def factors(
        self,
        W: Tensor,
        buffers: Buffers,
        x: Tensor,
        y: Tensor,
        *,
        convolutions: bool = True,
        rest: bool = True,
    ) -> Factors:
        """The same in factored form: of linear layers, and of convolutions if wanted, what goes in
        and the gradients of what comes out; the rest whole, or not at all."""
        way = self._way(x)
        return single.factors(self, way, W, buffers, x, y, convolutions=convolutions, rest=rest)

    def _way(self, x: Tensor) -> str:
        """To the gradients of single samples: decided once, eagerly."""
        self.way = self.way or single.way_of(self, tuple(x.shape[2:]))
        return self.way

    def logits(self, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs [r, B, classes] in eval mode, without gradients."""

        def work(module: nn.Module, part: slice) -> Tensor:
            own = {name: b[part] for name, b in buffers.items()}
            return self._logits(module, W[part], own, x[part]).to(W.dtype)

        return joined(self.in_threads(len(W), work, train=False))

    def use_threads(self, threads: int) -> None:
        """Divides the rows among so many threads, where there are enough of them, and their random
        numbers are their own."""
        threads = 1 if self.draws else threads
        if threads == len(self.modules):
            return
        if self.executor:
            self.executor.shutdown()
        self.modules = [self.module, *(copy.deepcopy(self.module) for _ in range(threads - 1))]
        self.executor = ThreadPoolExecutor(threads) if threads > 1 else None

    def in_threads(
        self, rows: int, work: Callable[[nn.Module, slice], Result], *, train: bool = True
    ) -> list[Result]:
        """work(module, part) of every thread's part of the rows, in their order; the module is in
        train mode, with gradients, or in eval mode, without."""
        count = max(1, min(len(self.modules), rows // self.least))

        def one(module: nn.Module, part: slice) -> Result:
            with self.computed(), torch.set_grad_enabled(train):  # both belong to a thread
                return work(_in_mode(module, train), part)

        if self.executor is None or count == 1:
            return [one(self.module, slice(0, rows))]
        return list(self.executor.map(one, self.modules, parts_of(rows, count)))

    def _seated(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor
    ) -> Iterator[Tensor]:
        """The batch of every row, while the module has that row's weights and buffers."""
        weights = list(self.layout.views(W).values())
        parameters, own = list(module.parameters()), dict(module.named_buffers())
        values = [p.data for p in parameters]
        for row, xi in enumerate(x):
            if self.device.type == "cpu":
                for p, weight in zip(parameters, weights, strict=True):
                    p.data = weight[row]
            else:  # cuDNN reads 16 bytes at a time, and a row may begin anywhere
                torch._foreach_copy_(values, [weight[row] for weight in weights])
            for name, b in own.items():
                b.data = buffers[name][row]
            yield xi.contiguous(memory_format=self.memory_format)

    def _one_by_one(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs of one row after another."""
        return torch.stack([module(xi) for xi in self._seated(module, W, buffers, x)])

    def blocks(self, rows: int) -> list[slice]:
        """The rows that are computed in one call."""
        return [slice(0, rows)]

    @property
    def at_once(self) -> bool:
        """Whether several points of a step are better rows of one call."""
        return False

    @abstractmethod
    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        """Mean losses [r] in train mode, as a graph over parameters [r, *shape]."""

    @abstractmethod
    def outputs(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        """Outputs [r, B, classes] in train mode, of one of `blocks`, as a graph."""

    @abstractmethod
    def taps(self, module: nn.Module, rows: int) -> Taps:
        """Of the layers that have parameters, while `outputs` calls a thread's module."""

    @abstractmethod
    def _gradient(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]: ...

    @abstractmethod
    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor: ...


def _in_mode(module: nn.Module, train: bool) -> nn.Module:
    """The module in train or eval mode; only a change goes through all of its layers."""
    return module if module.training is train else module.train(train)


def parts_of(rows: int, count: int) -> list[slice]:
    """The rows in so many parts of about equal size."""
    return [slice(*cut) for cut in pairwise(rows * i // count for i in range(count + 1))]


def joined(parts: Sequence[Tensor]) -> Tensor:
    """The rows of all parts, in their order."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))
