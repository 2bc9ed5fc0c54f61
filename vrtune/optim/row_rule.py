"""Any step rule of vrtune as an optimizer of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from vrtune.chains.chain import ALONE, Chain
from vrtune.errors import UsageError
from vrtune.optim.row import Row
from vrtune.optim.told import settings_of
from vrtune.optimizers import StepRule
from vrtune.units import OptimizerSettings


class RowRule(Optimizer):
    """Any step rule of vrtune, your own too, as an optimizer: each group's weights are one row.

    w <- rule(w, g, lr)

    The settings that are numbers are in the groups by their names, as schedulers expect, and each
    group may have its own. A rule that looks at a whole row sees that of its group.

    Args:
        params: parameters, or groups of them.
        settings: those of a step rule, such as vrtune.SGD(lr=0.1) or {"kind": "sgd", "lr": 0.1}.
        lr: step size (default: that of the settings, or 1 where an estimator sets it).

    Raises:
        UsageError: these are no settings of a step rule, or of one that needs more than gradients.

    Example:
        >>> import torch, vrtune
        >>> from vrtune.optim import RowRule
        >>> model = torch.nn.Linear(2, 1)
        >>> optimizer = RowRule(model.parameters(), vrtune.AdaGrad(lr=0.1))
        >>> model(torch.ones(4, 2)).square().mean().backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        params: Iterable[Any],
        settings: OptimizerSettings | dict[str, Any],
        lr: float | None = None,
    ) -> None:
        settings = settings_of(OptimizerSettings, settings)
        if isinstance(settings, Chain):
            raise UsageError(ALONE.format(type(settings).__name__))
        if settings.algorithm.layers:
            raise UsageError(
                f"{type(settings).__name__} looks at a model's layers, which an optimizer of its "
                "parameters does not see: train it with vrtune.train, or choose another step rule"
            )
        self.settings = settings
        self._rules: list[tuple[Row, StepRule] | None] = []  # of each group, made when needed
        self._aside: list[tuple[Row, Tensor]] | None = None  # weights that train, during eval()
        numbers = {name: getattr(settings, name) for name in settings.numbers()}
        super().__init__(params, {**numbers, "lr": settings.lr or 1.0 if lr is None else lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Makes a step along the gradients; a parameter without one is left alone.

        Args:
            closure: computes loss and gradients before, if it is given.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for i, group in enumerate(self.param_groups):
            if any(p.grad is not None for p in group["params"]):
                row, rule = self._ready(i)
                W, hp = row.weights(), self._numbers(row, group)
                rule.step(W, row.gradients(), hp["lr"], hp)
                for p, part in zip(row.params, row.views(W), strict=True):
                    if p.grad is not None:
                        p.copy_(part)
        return loss

    def _numbers(self, row: Row, group: dict[str, Any]) -> dict[str, Tensor]:
        """The settings of a group that are numbers, each [1, n]."""
        values = {name: group[name] for name in {*self.settings.numbers(), "lr"}}
        return {
            name: torch.tensor(
                [[float(v) for v in (value if isinstance(value, tuple | list) else [value])]],
                dtype=row.dtype,
                device=row.device,
            )
            for name, value in values.items()
        }

    def _ready(self, i: int) -> tuple[Row, StepRule]:
        """The row of a group and the rule that runs on it; anew where its parameters changed."""
        group = self.param_groups[i]
        params = [p for p in group["params"] if p.requires_grad]
        self._rules += [None] * (len(self.param_groups) - len(self._rules))
        made = self._rules[i]
        if made is None or not made[0].holds(params):
            row = Row(params)
            rule: StepRule = self.settings.algorithm(row.weights(), **self.settings.words())
            rule.shapes = row.shapes
            rule.seat([0], [self.settings])
            first = torch.zeros(1, dtype=torch.long, device=row.device)
            rule.admit(first, self._numbers(row, group))
            made = self._rules[i] = row, rule
        return made

    @torch.no_grad()
    def eval(self) -> None:
        """Puts the weights in place that the rule has a model judged by, if it has others."""
        if self._aside is None:
            made = [each for each in self._rules if each is not None]
            self._aside = [(row, row.weights()) for row, _ in made]
            for (row, rule), (_, weights) in zip(made, self._aside, strict=True):
                row.write(rule.judged(weights))

    @torch.no_grad()
    def train(self) -> None:
        """Puts the weights back that are trained."""
        for row, weights in self._aside or []:
            row.write(weights)
        self._aside = None

    def state_dict(self) -> dict[str, Any]:
        """PyTorch's, and under "rules" the state of each group's rule."""
        states = [None if made is None else made[1].state for made in self._rules]
        return {**super().state_dict(), "rules": states}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where a state_dict was made.

        Raises:
            UsageError: it is of another rule, or of other parameters.
        """
        saved = dict(state_dict)
        states = saved.pop("rules", None)
        if states is None:
            raise UsageError(f"this is no state_dict of RowRule({self.settings!r})")
        super().load_state_dict(saved)
        self._rules = []
        for i, state in enumerate(states):
            if state is None:
                continue
            own = self._ready(i)[1].state
            if {k: v.shape for k, v in own.items()} != {k: v.shape for k, v in state.items()}:
                raise UsageError("the rule's state is of other parameters, or of another rule")
            for name, tensor in state.items():
                own[name].copy_(tensor)

    def __getstate__(self) -> dict[str, Any]:
        own = {name: vars(self)[name] for name in ("settings", "_rules", "_aside")}
        return {**super().__getstate__(), **own}
