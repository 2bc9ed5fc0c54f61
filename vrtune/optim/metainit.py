"""MetaInit on a plain module."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vrtune.errors import UsageError
from vrtune.inits import Init, InitSettings, Losses, Probe
from vrtune.inits.metainit import MetaInit, gradient_quotient
from vrtune.inits.places import called, places_of
from vrtune.inits.smooth import SmoothNorms
from vrtune.optim.told import made, settings_of

JUDGED = range(-5, 0)  # batches of noise for both quotients, that MetaInit's steps have not seen


class Quotients(NamedTuple):
    """The median gradient quotient of five batches of noise: single ones jump about."""

    before: float
    after: float


def metainit(
    model: nn.Module,
    shape: Sequence[int],
    *,
    classes: int | None = None,
    batch_size: int = 32,
    lr: float = 0.1,
    momentum: float = 0.9,
    steps: int = 500,
    epsilon: float = 1e-5,
    seed: int = 0,
) -> Quotients:
    """Scales a module's weight tensors until a gradient step would change the gradient little.

    signed momentum descent on GQ = mean | (g - Hg) / (g + epsilon sign(g)) - 1 |

    It needs no data: inputs are N(0, 1) noise, labels uniform, the loss is cross-entropy in train
    mode. Norms of tensors of two and more dimensions change, nothing else: buffers, modes and
    random numbers stay. The model's operations need a third derivative; batch, group and layer norm
    are written out for it.

    Args:
        model: gives outputs [B, classes] of inputs [B, *shape].
        shape: of one input, such as (3, 32, 32).
        classes: labels that are drawn (default: as many as the model has outputs).
        batch_size: inputs of a batch of noise.
        lr: step of a tensor's norm.
        momentum: share of the last step that is kept.
        steps: batches of noise.
        epsilon: keeps the denominator off zero.
        seed: of the noise.

    Returns:
        The quotient `before` and `after`.

    Raises:
        UsageError: an argument is out of range, or the model has no two outputs or no weights.

    Example:
        >>> import torch, vrtune
        >>> _ = torch.manual_seed(0)
        >>> tanh = torch.nn.Tanh()
        >>> model = torch.nn.Sequential(torch.nn.Linear(8, 8), tanh, torch.nn.Linear(8, 3))
        >>> found = vrtune.metainit(model, (8,), steps=20)
        >>> found.after < found.before
        True

    References: Dauphin & Schoenholz, NeurIPS 2019.
    """
    settings = made(MetaInit, lr=lr, momentum=momentum, steps=steps, epsilon=epsilon)
    if not any(p.dim() > 1 for p in model.parameters() if p.requires_grad):
        raise UsageError("the model has no weight tensor that MetaInit could scale")
    return initialise(model, shape, settings, classes=classes, batch_size=batch_size, seed=seed)


def initialise(
    model: nn.Module,
    shape: Sequence[int],
    settings: InitSettings | dict[str, Any],
    *,
    classes: int | None = None,
    batch_size: int = 32,
    seed: int = 0,
) -> Quotients:
    """Any initialisation of vrtune, your own too, on a plain module.

    Args:
        model: as for metainit.
        shape: as for metainit.
        settings: of an initialisation, such as vrtune.MetaInit() or {"kind": "metainit"}.
        classes: as for metainit.
        batch_size: as for metainit.
        seed: as for metainit.

    Returns:
        The gradient quotient `before` and `after`; of one that draws weights and asks for no
        losses, such as vrtune.He(), which takes any model, they are nan.

    Raises:
        UsageError: there is no such initialisation, or it asks for losses of a model that has no
            two outputs.

    Example:
        >>> import torch
        >>> from vrtune.optim import initialise
        >>> model = torch.nn.Linear(8, 3)
        >>> found = initialise(model, (8,), {"kind": "default"})  # leaves the weights alone
        >>> found.after == found.before
        True
    """
    settings = settings_of(InitSettings, settings)
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not settings.algorithm.asks_for_losses:
        _redraw(list(trained.values()), settings, seed)
        return Quotients(math.nan, math.nan)
    first = next(iter(trained.values()))
    modes = {module: module.training for module in model.modules()}
    devices = [first.device] if first.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.enable_grad():
        torch.manual_seed(seed)  # of dropout, if there is any
        model.train()
        try:
            outputs = classes or _outputs(model, torch.zeros(2, *shape).to(first))

            def probe(step: int) -> tuple[Tensor, Tensor]:
                return noise(seed, step, (batch_size, *shape), outputs, first)

            return start(model, trained, settings, probe, seed)
        finally:
            for module, mode in modes.items():
                module.training = mode


def start(
    model: nn.Module,
    trained: dict[str, nn.Parameter],
    settings: InitSettings,
    probe: Probe,
    seed: int = 0,
) -> Quotients:
    """The same with its steps' noise given, on a model in train mode: a lane of its own."""
    rows = [p.detach().clone().unsqueeze(0) for p in trained.values()]
    algorithm, hp = _algorithm(settings, rows, seed)
    losses = _losses(model, list(trained))
    epsilon = hp.get("epsilon", rows[0].new_tensor([[MetaInit().epsilon]]))

    def quotient() -> float:
        leaves = [row.detach().requires_grad_() for row in rows]
        found = [gradient_quotient(leaves, losses, *probe(i), epsilon).detach() for i in JUDGED]
        return float(torch.stack(found).median())

    before = quotient()
    algorithm.start(rows, hp, losses, probe)
    after = quotient()
    with torch.no_grad():
        for p, row in zip(trained.values(), rows, strict=True):
            p.copy_(row[0])
    return Quotients(before, after)


def _redraw(parameters: list[nn.Parameter], settings: InitSettings, seed: int) -> None:
    """Weights of an init that asks for no losses: in place, as it takes nothing else."""

    def none(*_: Any) -> Any:
        raise RuntimeError(f"init {settings.kind} says that it asks for no losses, and does")

    rows = [p.detach().unsqueeze(0) for p in parameters]
    algorithm, hp = _algorithm(settings, rows, seed)
    algorithm.start(rows, hp, none, none)


def _algorithm(
    settings: InitSettings, rows: list[Tensor], seed: int
) -> tuple[Init, dict[str, Tensor]]:
    """What runs the settings on one lane, with random numbers of its own, and their numbers."""
    algorithm: Init = settings.algorithm(**settings.words())
    algorithm.sources = [_random(seed, "init")]
    return algorithm, {name: rows[0].new_tensor([v]) for name, v in settings.numbers().items()}


def _random(*parts: object) -> torch.Generator:
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def _losses(model: nn.Module, names: list[str]) -> Losses:
    places = places_of(model)

    def losses(leaves: list[Tensor], x: Tensor, y: Tensor) -> Tensor:
        given = dict(zip(names, (leaf[0] for leaf in leaves), strict=True))
        copies = {name: b.clone() for name, b in model.named_buffers()}
        with SmoothNorms():
            output = called(model, places, {**given, **copies}, x[0])
        return F.cross_entropy(output, y[0]).unsqueeze(0)

    return losses


def _outputs(model: nn.Module, x: Tensor) -> int:
    """How many outputs a model has; UsageError where labels can't be drawn for them."""
    copies = {name: b.clone() for name, b in model.named_buffers()}
    with torch.no_grad():
        output = called(model, places_of(model), copies, x)
    if not isinstance(output, Tensor) or output.dim() != 2 or output.shape[1] < 2:
        raise UsageError(
            "metainit takes models whose output is [B, classes], of two classes or more: wrap the "
            "model in one that has it"
        )
    return output.shape[1]


def noise(
    seed: int, step: int, shape: Sequence[int], classes: int, like: Tensor
) -> tuple[Tensor, Tensor]:
    """A batch of N(0, 1) inputs [1, B, ...] and uniform labels [1, B], the same on every device."""
    drawn = _random(seed, step, "noise")
    x = torch.randn(1, *shape, generator=drawn)
    y = torch.randint(classes, (1, shape[0]), generator=drawn)
    return x.to(like), y.to(like.device)
