"""One lane after another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vrtune.gradients.oracle import Buffers, MeanLoss, Oracle, mean_cross_entropy
from vrtune.gradients.taps import Taps, layers_of
from vrtune.inits.places import called


class Looped(Oracle):
    """One lane after another: the module's parameters are pointed at a row of W (on a GPU the row
    is copied), and their gradients at the same row of the result, so a backward pass writes in
    place."""

    def __init__(
        self,
        module: nn.Module,
        precision: str = "float32",
        threads: int = 1,
        mean_loss: MeanLoss = mean_cross_entropy,
    ) -> None:
        super().__init__(module, precision, threads, mean_loss)
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
            loss = self._loss(module(xi), y[row])
            loss.backward()
            losses.append(loss.detach())
        return G, torch.stack(losses)

    def blocks(self, rows: int) -> list[slice]:
        return [slice(i, i + 1) for i in range(rows)]

    def outputs(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        return self._one_by_one(module, W, buffers, x)

    def taps(self, module: nn.Module, rows: int) -> Taps:
        return Taps(layers_of(module), lambda t: t.unsqueeze(0))

    def _logits(self, module: nn.Module, W: Tensor, buffers: Buffers, x: Tensor) -> Tensor:
        return self._one_by_one(module, W, buffers, x)

    def losses(self, parameters: list[Tensor], buffers: Buffers, x: Tensor, y: Tensor) -> Tensor:
        self.module.train()
        out = []
        for row in range(len(x)):
            named = {name: p[row] for name, p in zip(self.layout.shapes, parameters, strict=True)}
            seated = {name: b[row] for name, b in buffers.items()}
            logits = called(self.module, self.places, {**named, **seated}, x[row])
            out.append(self._loss(logits, y[row]))
        return torch.stack(out)

    def _loss(self, outputs: Tensor, y: Tensor) -> Tensor:
        """The mean loss of a lane's outputs [B, k]."""
        return self.mean_loss(outputs.unsqueeze(0), y.unsqueeze(0))[0]
