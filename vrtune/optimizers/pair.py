"""Two optimizers that share the tensors of a model, as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer


class Pair(Optimizer):
    """Two optimizers as one: the first has the matrices, the second the other tensors.

    Groups and state are those of the two; schedulers and state_dict() see one optimizer.

    Args:
        first, second: optimizers of different parameters.

    Example:
        >>> import torch
        >>> from vrtune import Library
        >>> model = torch.nn.Linear(2, 1)
        >>> muon = Library("torch.optim.Muon", lr=0.02, rest=Library("torch.optim.SGD", lr=0.1))
        >>> [group["lr"] for group in muon.make(model.parameters()).param_groups]
        [0.02, 0.1]
    """

    def __init__(self, first: Optimizer, second: Optimizer) -> None:
        self.parts = first, second
        super().__init__([*first.param_groups, *second.param_groups], {})
        self._share()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Both make their step, along gradients that one call of the closure makes."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def train(self) -> None:
        """Puts into training mode what has one."""
        self._turn("train")

    def eval(self) -> None:
        """Puts into evaluation mode what has one."""
        self._turn("eval")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Each takes what is its own of a state_dict() of both."""
        first = 0
        for part in self.parts:
            groups = state_dict["param_groups"][: len(part.param_groups)]
            state_dict = {**state_dict, "param_groups": state_dict["param_groups"][len(groups) :]}
            count = sum(len(group["params"]) for group in groups)
            own = {
                key - first if isinstance(key, int) else key: value
                for key, value in state_dict["state"].items()
                if not isinstance(key, int) or first <= key < first + count
            }
            groups = [{**g, "params": [i - first for i in g["params"]]} for g in groups]
            part.load_state_dict({"state": own, "param_groups": groups})
            first += count
        self._share()

    def _turn(self, mode: str) -> None:
        for part in self.parts:
            if callable(turn := getattr(part, mode, None)):
                turn()

    def _share(self) -> None:
        """One state and one list of groups, in which either finds its own."""
        state: defaultdict[Any, Any] = defaultdict(dict)
        for part in self.parts:
            state.update(part.state)
        for part in self.parts:
            part.state = state
        self.state = state
        self.param_groups = [group for part in self.parts for group in part.param_groups]
