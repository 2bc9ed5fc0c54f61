"""Instances of torch.optim.Optimizer as settings say; what a class does is found by trying."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from vrtune.errors import UsageError, VrtuneError, told
from vrtune.optimizers.classes import asks_for, check_options, default_lr, find_class, takes
from vrtune.optimizers.pair import Pair

if TYPE_CHECKING:
    from vrtune.optimizers.library import Library

MATRIX = 2  # dimensions, at the least, of what `rest` leaves to the class
STEPS = 3  # of a trial
SIDE = 32  # of the matrix by which state is measured: that of a matrix rule grows with it
Groups = list[dict[str, Any]]
Shapes = Sequence[Sequence[int]]


def make(settings: Library, params: Iterable[Any], lr: float | None = None) -> Optimizer:
    """The optimizer that settings describe, for parameters of any module."""
    before = settings.lr if settings.lr is not None else default_lr(find_class(settings.name))
    lr = before if lr is None else lr
    given = list(params)
    if settings.rest is None or not given:
        return instance_of(settings, given, lr)
    groups = given if given and isinstance(given[0], dict) else [{"params": given}]
    own, others = _shared_out(groups, lambda p: p.dim() >= MATRIX and _takes(settings, p.dim()))
    of_rest = lr if settings.rest.lr is None else settings.rest.lr * (lr / before)
    made = [
        instance_of(part, _as_given(some), size)
        for part, some, size in ((settings, own, lr), (settings.rest, others, of_rest))
        if some
    ]
    return made[0] if len(made) == 1 else Pair(*made)


def instance_of(settings: Library, params: list[Any], lr: float) -> Optimizer:
    """An instance of the settings' own class. UsageError if that can't be made, or has no lr."""
    name, cls = settings.name, find_class(settings.name)
    check_options(name, cls, settings.options)
    options = {**settings.options, **({"lr": lr} if takes(cls, "lr") else {})}
    if asks_for(cls, "use_muon") and not (params and isinstance(params[0], dict)):
        params = [
            {"params": some, "use_muon": matrix}
            for matrix in (True, False)
            if (some := [p for p in params if (_tensor(p).dim() >= MATRIX) == matrix])
        ]
    try:
        made: Optimizer = cls(params, **options)
    except Exception as error:
        if no_memory(error):
            raise
        raise refusal(settings, error, "made") from error
    if not all(isinstance(group.get("lr"), int | float | Tensor) for group in made.param_groups):
        raise UsageError(f"{name} keeps no lr in its param groups, so that none can be set")
    if has_modes(made):
        made.train()  # type: ignore[attr-defined]
    return made


def refusal(settings: Library, error: Exception, what: str = "fed with an estimate") -> VrtuneError:
    """Why a class can't be used, in one sentence, from what it raised."""
    name, said = settings.name, told(error)
    if isinstance(error, VrtuneError):
        return error
    if "closure" in said.lower():
        why = "calls a closure for gradients of its own, and there is the estimate alone"
    elif "grad_fn" in said or "create_graph" in said:
        why = "differentiates the gradient (create_graph), and an estimate has no graph"
    elif "sparse" in said.lower() and "dense" in said.lower():
        why = "takes sparse gradients only"
    else:
        return UsageError(f"{name} can't be {what}, as it says {said}")
    return UsageError(f"{name} {why}: choose a class that steps along p.grad")


# ---- trials --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tried:
    """What a few steps on a few numbers have shown."""

    state: float  # numbers that are kept for each weight
    draws: bool  # random numbers of PyTorch


_tried: dict[str, Tried] = {}


def try_out(settings: Library, shapes: Shapes) -> Tried:
    """Steps of the settings' optimizer on tensors of these shapes, along plain gradients.

    UsageError if it can't be fed with an estimate. PyTorch's random numbers are left as they are.
    """
    parts = [part for part in (settings, settings.rest) if part is not None]
    key = repr(([(part.name, part.options) for part in parts], [*map(tuple, shapes)]))
    if key not in _tried:
        with torch.random.fork_rng([]):
            _tried[key] = _try(settings, shapes)
    return _tried[key]


def like(shapes: Shapes) -> Shapes:
    """Small shapes of as many dimensions."""
    return [(3,) * dimensions for dimensions in sorted({len(shape) for shape in shapes})]


def rows_of_state(settings: Library, shapes: Shapes) -> int:
    """Rows of W that the state of a lane takes. UsageError if the class can't be fed with an
    estimate, or takes no tensors like those of a model."""
    several = sorted({len(shape) for shape in shapes})
    taken = [dimensions for dimensions in several if _takes(settings, dimensions)]
    if settings.rest is None and 0 < len(taken) < len(several):
        others = " and ".join(str(n) for n in several if n not in taken)
        raise UsageError(
            f"{settings.name} takes no tensors of {others} dimensions, which the model has: give "
            "rest=Library(...) for those"
        )
    if shapes:
        try_out(settings, like(shapes))
    return ceil(try_out(settings, [(SIDE, SIDE)]).state)


def _takes(settings: Library, dimensions: int) -> bool:
    """Whether the settings' own class takes tensors of so many dimensions."""
    try:
        try_out(settings.model_copy(update={"rest": None}), [(3,) * dimensions])
    except VrtuneError:
        return False
    return True


def _try(settings: Library, shapes: Shapes) -> Tried:
    random = torch.Generator().manual_seed(0)
    params = [nn.Parameter(torch.randn(*shape, generator=random)) for shape in shapes]
    before = torch.get_rng_state()
    optimizer = make(settings, params)
    for _ in range(STEPS):
        for p in params:
            p.grad = torch.randn(p.shape, generator=random)
        try:
            optimizer.step()
        except Exception as error:
            raise refusal(settings, error) from error
    state = sum(t.numel() for t in _tensors([*optimizer.state.values()]))
    weights = sum(p.numel() for p in params)
    return Tried(state / weights, not torch.equal(before, torch.get_rng_state()))


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict | list | tuple):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _tensors(inner)


# ---- parts ---------------------------------------------------------------------------------------


def has_modes(optimizer: Optimizer) -> bool:
    """Whether it has other weights to be judged by than to train with."""
    return all(callable(getattr(optimizer, mode, None)) for mode in ("train", "eval"))


def _shared_out(groups: Groups, own: Callable[[Tensor], bool]) -> tuple[Groups, Groups]:
    """Groups with those of their parameters that are `own`, and with the others."""

    def part(wanted: bool) -> Groups:
        chosen = [
            {**g, "params": [p for p in list(g["params"]) if own(_tensor(p)) == wanted]}
            for g in groups
        ]
        return [g for g in chosen if g["params"]]

    groups = [
        {**g, "params": [g["params"]] if isinstance(g["params"], Tensor) else list(g["params"])}
        for g in groups
    ]
    return part(True), part(False)


def _as_given(groups: Groups) -> list[Any]:
    """Plain parameters, where one group says no more."""
    return groups[0]["params"] if [*map(set, groups)] == [{"params"}] else groups


def _tensor(p: Any) -> Tensor:
    """Of a parameter, or of a pair of its name and itself."""
    return p[1] if isinstance(p, tuple) else p


def no_memory(error: Exception) -> bool:
    """Whether memory ran out, which the search answers."""
    said = str(error).lower()
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and ("alloc" in said or "out of memory" in said)
