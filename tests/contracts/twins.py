"""The torch.optim twin of every step rule, built from the rule's settings."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer


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


TWINS: dict[str, Callable[[list[Tensor], dict], Optimizer]] = {
    "sgd": sgd,
    "adam": adam,
    "adagrad": adagrad,
}
