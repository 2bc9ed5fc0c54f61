"""The twin of every step rule, of torch.optim where it has one, built from the rule's settings."""

from __future__ import annotations

from collections.abc import Callable

import pytorch_optimizer
import torch
from reference import step_rules as loops
from reference.chains import Langevin
from reference.kfac import DenseKFAC
from reference.shampoo import DenseShampoo
from torch import Tensor
from torch.optim import Optimizer

from vrtune.optimizers.pair import Pair
from vrtune.testing.units import KEY, SAMPLES

Twin = Callable[[list[Tensor], dict], Optimizer]


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


def of_torch(name: str) -> Twin:
    """The class of torch.optim with all settings by their names."""

    def twin(p: list[Tensor], s: dict) -> Optimizer:
        made: Optimizer = getattr(torch.optim, name)(p, **{k: s[k] for k in s if k != "kind"})
        return made

    return twin


def nadam(p: list[Tensor], s: dict) -> Optimizer:
    """Twin of optimizers/nadam.py; torch keeps a product in single precision."""
    made = of_torch("NAdam")(p, s)
    for each in p:
        made.state[each] = {
            "step": torch.tensor(0.0),
            "mu_product": torch.ones((), dtype=each.dtype),
            "exp_avg": torch.zeros_like(each),
            "exp_avg_sq": torch.zeros_like(each),
        }
    return made


def lars(p: list[Tensor], s: dict) -> Optimizer:
    """Judge of optimizers/lars.py."""
    return pytorch_optimizer.LARS(p, **{k: s[k] for k in s if k != "kind"})


def shampoo(p: list[Tensor], s: dict) -> Optimizer:
    """Judge of optimizers/shampoo.py; with momentum, and between roots, of which that one has other
    forms, the slow loop."""
    if s["momentum"] or s["every"] > 1:
        return DenseShampoo(p, **{k: s[k] for k in s if k != "kind"})
    own = {"lr": s["lr"], "weight_decay": s["weight_decay"], "matrix_eps": s["epsilon"]}
    return pytorch_optimizer.Shampoo(p, **own)


def lamb(p: list[Tensor], s: dict) -> Optimizer:
    """Judge of optimizers/lamb.py; with bias correction, which it lacks, the slow loop."""
    if s["bias_correction"]:
        return loops.LAMB(p, **{k: s[k] for k in s if k not in ("kind", "bias_correction")})
    names = ("lr", "betas", "eps", "weight_decay")
    own = {name: s[name] for name in names}
    made = pytorch_optimizer.Lamb(p, **own, weight_decouple=False, adam_debias=True)
    made.clamp = s["clamp"]
    return made


def heavy_ball(p: list[Tensor], s: dict) -> Optimizer:
    """The slow loops of document 004's two forms."""
    form = loops.Mean if s["mean"] else loops.Velocity
    return form(p, lr=s["lr"], momentum=s["momentum"])


def sm3(p: list[Tensor], s: dict) -> Optimizer:
    """Judge of optimizers/sm3.py."""
    return pytorch_optimizer.SM3(p, **{k: s[k] for k in s if k != "kind"})


def chain(p: list[Tensor], s: dict) -> Optimizer:
    """The slow loop, with the noise of the contract's key. MALA's proposal is SGLD's step."""
    return Langevin(p, s, SAMPLES, KEY)


TWINS: dict[str, Twin] = {
    "sgld": chain,
    "sghmc": chain,
    "mala": chain,
    "sgd": sgd,
    "adam": adam,
    "adagrad": adagrad,
    "library": library,
    "rmsprop": of_torch("RMSprop"),
    "adadelta": of_torch("Adadelta"),
    "adamax": of_torch("Adamax"),
    "nadam": nadam,
    "radam": of_torch("RAdam"),
    "heavy_ball": heavy_ball,
    "kfac": DenseKFAC,
    "shampoo": shampoo,
    "lars": lars,
    "lamb": lamb,
    "sm3": sm3,
}
