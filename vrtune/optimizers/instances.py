"""An instance of torch.optim.Optimizer on the row of a lane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from types import BuiltinFunctionType, FunctionType
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from vrtune.optimizers.making import has_modes, like, make, no_memory, refusal, try_out

if TYPE_CHECKING:
    from vrtune.optimizers.library import Library

# Kept by a class, as it was made with them
FIXED = (type, torch.dtype, torch.device, FunctionType, BuiltinFunctionType)


class Instance:
    """One optimizer on the row of one lane: parameters are views of it, gradients of the estimate.

    `shapes` are those of the model's tensors, which lie side by side in the row [P].
    """

    def __init__(self, settings: Library, row: Tensor, shapes: Sequence[Sequence[int]]) -> None:
        self.settings, self.shapes = settings, [tuple(shape) for shape in shapes]
        self.parameters = [nn.Parameter(view) for view in self._views(row)]
        self.random = Draws(row.device) if try_out(settings, like(self.shapes)).draws else None
        self.optimizer = self._run(lambda: make(settings, self.parameters))
        groups = self.optimizer.param_groups
        whole = settings.lr if settings.lr is not None else float(groups[0]["lr"])
        self.shares = [float(group["lr"]) / whole for group in groups]
        self.has_modes = has_modes(self.optimizer)
        self.eta = whole
        self.lost = False

    def step(self, row: Tensor, d: Tensor, eta: float) -> None:
        """Moves the row [P] along d [P], which it may change."""
        if self.lost:
            return
        views = self._bind(row)
        for p, grad in zip(self.parameters, self._views(d), strict=True):
            p.grad = grad
        if eta != self.eta:  # some classes change it themselves
            self.eta = eta
            for group, share in zip(self.optimizer.param_groups, self.shares, strict=True):
                group["lr"] = eta * share
        try:
            self._run(self.optimizer.step)
        except Exception as error:
            if no_memory(error):
                raise
            diverged = isinstance(error, torch.linalg.LinAlgError)
            if not diverged and bool(row.isfinite().all() and d.isfinite().all()):
                raise refusal(self.settings, error) from error
            row.fill_(torch.nan)  # as a lane that diverged
            self.lost = True
        for p, view in zip(self.parameters, views, strict=True):
            if p.data_ptr() != view.data_ptr():  # other tensors were put there
                view.copy_(p.data)

    def evaluated(self, row: Tensor, out: Tensor) -> None:
        """Writes the weights that eval() makes of the row [P] into `out` [P]; the row stays."""
        if self.lost:
            return
        self._bind(row)
        before = row.clone()
        self.optimizer.eval()
        for p, view in zip(self.parameters, self._views(out), strict=True):
            view.copy_(p.data)
        self.optimizer.train()
        row.copy_(before)
        self._bind(row)

    def memory(self) -> dict[str, Any]:
        """All that it has come to: state by the number of the parameter, groups, numbers of the
        objects themselves."""
        groups = self.optimizer.param_groups
        numbers = {id(p): i for i, p in enumerate(p for group in groups for p in group["params"])}
        state = [[numbers.get(id(p), p), kept] for p, kept in self.optimizer.state.items()]
        told = {
            "state": state,
            "groups": [{k: v for k, v in group.items() if k != "params"} for group in groups],
            "parts": [_own(part) for part in self._parts()],
            "eta": self.eta,
            "lost": self.lost,
            "random": self.random.states if self.random else [],
        }
        return copied(told)

    def remember(self, row: Tensor, memory: Mapping[str, Any]) -> None:
        """Goes on from a memory on the row [P]."""
        self._bind(row)
        memory, groups = copied(memory), self.optimizer.param_groups
        parameters = [p for group in groups for p in group["params"]]
        for i, kept in memory["state"]:
            self.optimizer.state[parameters[i] if isinstance(i, int) else i] = kept
        for group, kept in zip(groups, memory["groups"], strict=True):
            group.update(kept)
        for part, own in zip(self._parts(), memory["parts"], strict=True):
            vars(part).update(own)
        self.eta, self.lost = memory["eta"], memory["lost"]
        if self.random:
            self.random.states = memory["random"]

    def _parts(self) -> Sequence[Any]:
        """The optimizer, or the two of a pair."""
        return getattr(self.optimizer, "parts", (self.optimizer,))

    def let_go(self) -> None:
        """Holds no weights any more, until the next step."""
        for p in self.parameters:
            p.data, p.grad = p.data.new_empty(0), None

    def _views(self, row: Tensor) -> list[Tensor]:
        parts = row.split([prod(shape) for shape in self.shapes])
        return [part.view(shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _bind(self, row: Tensor) -> list[Tensor]:
        views = self._views(row)
        for p, view in zip(self.parameters, views, strict=True):
            if p.data_ptr() != view.data_ptr() or p.shape != view.shape:
                p.data = view
        return views

    def _run(self, work: Callable[[], Any]) -> Any:
        if self.random is None:
            return work()
        with self.random:
            return work()


def copied(given: Any) -> Any:
    """A copy of numbers, text, tensors, and lists and dictionaries of these. ValueError where there
    is something else, such as a deque."""
    kind = type(given)
    if isinstance(given, Tensor):
        return given.detach().clone()
    if kind is dict:
        return {copied(key): copied(value) for key, value in given.items()}
    if kind in (list, tuple):
        return kind(map(copied, given))
    if given is None or isinstance(given, bool | int | float | str):
        return given
    raise ValueError(f"its optimizer keeps a {kind.__name__}, which is no number, text or tensor")


def _own(optimizer: Any) -> dict[str, Any]:
    """What an optimizer keeps as attributes of its own; none of what can't change."""
    usual = vars(torch.optim.SGD([torch.zeros(1)]))
    return {
        name: value
        for name, value in vars(optimizer).items()
        if name not in usual and not isinstance(value, FIXED)
    }


class Draws:
    """Inside, random numbers are a lane's own, the same whatever other lanes there are."""

    def __init__(self, device: torch.device) -> None:
        self.devices = [device] if device.type == "cuda" else []
        self.states: list[Tensor] = []

    def __enter__(self) -> None:
        self.before = self._get()
        if self.states:
            self._set(self.states)
        else:
            torch.manual_seed(0)

    def __exit__(self, *_: object) -> None:
        self.states = self._get()
        self._set(self.before)

    def _get(self) -> list[Tensor]:
        return [torch.get_rng_state(), *(torch.cuda.get_rng_state(d) for d in self.devices)]

    def _set(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        for device, state in zip(self.devices, states[1:], strict=True):
            torch.cuda.set_rng_state(state, device)
