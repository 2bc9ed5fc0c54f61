"""Slow readable loop of K-FAC: sample by sample, position by position, and dense inverses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class DenseKFAC(Optimizer):
    """Twin of optimizers/kfac.py on one model. Parameters of layers that were not looked at take
    the plain direction."""

    def __init__(self, params: list[Tensor], s: dict) -> None:
        names = ("lr", "damping", "decay", "momentum", "weight_decay", "kl_clip", "every")
        super().__init__(params, {name: s[name] for name in names})
        self.t = 0
        self.A: dict[nn.Module, Tensor] = {}
        self.G: dict[nn.Module, Tensor] = {}
        self.inverse: dict[nn.Module, Tensor] = {}

    def look(self, model: nn.Module, losses: Callable[[int], Tensor], samples: int) -> None:
        """Moves the running means to the factors of a batch; `losses(i)` calls the model on sample
        i and gives its loss."""
        (s,) = self.param_groups
        self.t += 1
        rho = min(1 - 1 / self.t, s["decay"])
        for layer, (A, G) in factors(model, losses, samples).items():
            self.A[layer] = rho * self.A.get(layer, 0 * A) + (1 - rho) * A
            self.G[layer] = rho * self.G.get(layer, 0 * G) + (1 - rho) * G
            if (self.t - 1) % s["every"] == 0:
                self.inverse[layer] = torch.linalg.inv(damped(self.A[layer], self.G[layer], s))

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """By the gradients that the parameters have."""
        (s,) = self.param_groups
        d = {p: p.grad + s["weight_decay"] * p for p in s["params"]}
        D = dict(d)
        for layer, inverse in self.inverse.items():
            tensors = [p for p in (layer.weight, layer.bias) if p is not None]
            matrix = torch.cat([d[p].reshape(len(p), -1) for p in tensors], 1)
            found = (inverse @ matrix.flatten()).view(matrix.shape)
            widths = [p[0].numel() for p in tensors]
            for p, part in zip(tensors, found.split(widths, 1), strict=True):
                D[p] = part.reshape(p.shape)
        change = s["lr"] ** 2 * sum(float((D[p] * d[p]).sum()) for p in D)
        nu = min(1.0, (s["kl_clip"] / change) ** 0.5) if s["kl_clip"] and change else 1.0
        for p in s["params"]:
            m = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
            m.mul_(s["momentum"]).add_(nu * D[p])
            p.sub_(s["lr"] * m)


def factors(
    model: nn.Module, losses: Callable[[int], Tensor], samples: int
) -> dict[nn.Module, tuple[Tensor, Tensor]]:
    """A = E[sum_t a_t a_t^T] and G = E[mean_t g_t g_t^T] of every layer."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    hooks = [
        m.register_forward_hook(lambda m, inputs, z: seen.__setitem__(m, (inputs[0], z)))
        for m in layers
    ]
    found: dict[nn.Module, tuple[Tensor, Tensor]] = {}
    for i in range(samples):
        loss = losses(i)
        gradients = torch.autograd.grad(loss, [seen[m][1] for m in layers])
        for m, by_z in zip(layers, gradients, strict=True):
            a, g = inputs_of(m, seen[m][0][0].detach()), by_z[0]
            g = g.flatten(1).T if isinstance(m, nn.Conv2d) else g.unsqueeze(0)
            A = sum(torch.outer(at, at) for at in a) / samples
            G = sum(torch.outer(gt, gt) for gt in g) / len(g) / samples
            before = found.get(m, (0 * A, 0 * G))
            found[m] = before[0] + A, before[1] + G
    for hook in hooks:
        hook.remove()
    return found


def inputs_of(layer: nn.Module, a: Tensor) -> list[Tensor]:
    """What a sample's output sees at every position, with a 1 at the end if there is a bias."""
    one = [a.new_ones(1)] if layer.bias is not None else []
    if isinstance(layer, nn.Linear):
        return [torch.cat([a, *one])]
    (kh, kw), (sh, sw), (ph, pw) = layer.kernel_size, layer.stride, layer.padding
    a = nn.functional.pad(a, (pw, pw, ph, ph))
    return [
        torch.cat([a[:, i : i + kh, j : j + kw].flatten(), *one])
        for i in range(0, a.shape[1] - kh + 1, sh)
        for j in range(0, a.shape[2] - kw + 1, sw)
    ]


def damped(A: Tensor, G: Tensor, s: dict) -> Tensor:
    """The dense matrix of a layer, of gradients [d_out, d_in] unrolled."""
    mean_A, mean_G = A.trace() / len(A), G.trace() / len(G)
    pi = (mean_A / mean_G) ** 0.5 if mean_A > 0 and mean_G > 0 else 1.0
    root = s["damping"] ** 0.5
    return torch.kron(
        G + root / pi * torch.eye(len(G)).to(G), A + root * pi * torch.eye(len(A)).to(A)
    )
