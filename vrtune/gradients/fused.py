"""All lanes in one call."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import vmap

from vrtune.gradients.oracle import Buffers, Oracle, joined
from vrtune.gradients.taps import Taps, layers_of
from vrtune.inits.places import called

# what vmap has no rule for it computes lane by lane, as looped lanes do: nothing to warn of
torch._C._functorch._set_vmap_fallback_warning_enabled(False)  # type: ignore[attr-defined]


class Fused(Oracle):
    """All lanes in one call: vmap over the rows, one backward of the summed losses."""

    least = 2  # a group of one is another convolution, which rounds otherwise

    @property
    def at_once(self) -> bool:
        """A GPU's graph has no Python to save, and would need twice the memory."""
        return self.device.type == "cpu"

    def use_threads(self, threads: int) -> None:
        """Divides the rows, unless there are no convolutions: such a step is too short."""
        deep = any(isinstance(layer, nn.Conv2d) for layer in self.original.modules())
        super().use_threads(threads if deep else 1)

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
            return called(module, self.places, {**p, **b}, xi)

        return vmap(one)(named, buffers, x)

    def _gradient(
        self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor, y: Tensor
    ) -> tuple[Tensor, Tensor]:
        G, losses = torch.empty_like(W), []
        for rows in self.blocks(len(W)):
            own = {name: b[rows] for name, b in buffers.items()}
            leaves = [v.detach().requires_grad_() for v in self._weights(W[rows])]
            loss = self.mean_loss(self._forward(module, leaves, own, x[rows]), y[rows])
            grads = torch.autograd.grad(  # of a row, by that row alone
                loss.sum(), leaves, allow_unused=True, materialize_grads=True
            )
            for part, grad in zip(self.layout.views(G[rows]).values(), grads, strict=True):
                part.copy_(grad)
            losses.append(loss.detach())
        return G, joined(losses)

    def _weights(self, W: Tensor) -> list[Tensor]:
        """Each parameter [r, *shape]; on a GPU in memory of its own, as cuDNN reads 16 bytes at a
        time, and a view of a row may begin anywhere."""
        views = self.layout.views(W).values()
        return list(views) if self.device.type == "cpu" else [v.clone() for v in views]

    def outputs(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        return self._forward(module, self._weights(W), buffers, x)

    def taps(self, module: nn.Module, rows: int) -> Taps:
        return Taps(layers_of(module), lambda t: t, vmapped=True)

    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        if self.device.type == "cpu":  # where large batches gain little from fusing
            return self._one_by_one(module, W, buffers, x)
        return self._forward(module, self._weights(W), buffers, x)

    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        return self.mean_loss(self._by_vmap(self.original.train(), parameters, buffers, x), y)
