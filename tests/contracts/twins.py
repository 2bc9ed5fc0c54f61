"""The torch.optim twin of every step rule, built from the rule's settings."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from vrtune.optimizers.pair import Pair


def sgd(p: list[Tensor], s: dict) -> Optimizer:
    """Twin of optimizers/sgd.py."""
    names = ("lr", "momentum", "dampening", "weight_decay", "nesterov")
    return torch.optim.SGD(p, **{name: s[name] for name in names})


def adam(p: list[Tensor], s: dict) -> Optimizer:
    """Twins of optimizers/adam.py."""
    twin = torch.optim.AdamW if s["decoupled_weight_decay"] else torch.optim.Adam
    names = ("lr", "betas", "eps", "weight_decay", "amsgrad")
    return twin(p, **{name: s[name] for name in names})


def adagrad(p: list[Tensor], s: dict) -> Optimizer:
    """Twin of optimizers/adagrad.py."""
    names = ("lr", "lr_decay", "weight_decay", "initial_accumulator_value", "eps")
    return torch.optim.Adagrad(p, **{name: s[name] for name in names})


def library(p: list[Tensor], s: dict) -> Optimizer:
    """The class itself; its `rest` has what is no matrix."""
    rest, twin = s["rest"], getattr(torch.optim, s["name"].removeprefix("torch.optim."))
    own = [tensor for tensor in p if rest is None or tensor.dim() > 1]
    others = [tensor for tensor in p if tensor.dim() < 2]
    if rest is not None and not own:
        return library(others, rest)
    made = twin(own, lr=s["lr"], **s["options"])
    return made if rest is None or not others else Pair(made, library(others, rest))


TWINS: dict[str, Callable[[list[Tensor], dict], Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adagrad": adagrad,
    "library": library,
}
