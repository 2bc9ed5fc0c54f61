"""Any optimizer with a penalty on the weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer

from vrtune.errors import UsageError, shown
from vrtune.optim.around import Around
from vrtune.optim.row import Row
from vrtune.optim.told import settings_of
from vrtune.penalties import Penalty
from vrtune.units import PenaltySettings


class Penalised(Around):
    """Any optimizer whose weights are drawn towards zero, as lanes draw theirs.

    d <- add(w, d),   w <- decay(w),   `base` makes its step,   w <- shrink(w)

    Goes inside of variance reduction, whose estimate the penalty joins:
    VarianceReduced(Penalised(base, penalty), estimator). A parameter without a gradient is left
    alone. `param_groups` and `state` are those of `base`.

    Args:
        base: the optimizer that makes the steps, without a weight decay of its own.
        penalty: settings, such as vrtune.Norms(l2=5e-4) or {"kind": "norms", "l2": 5e-4}.

    Raises:
        UsageError: these are no settings of a penalty, or no optimizer.

    Example:
        >>> import torch, vrtune
        >>> from vrtune.optim import Penalised
        >>> model = torch.nn.Linear(2, 1)
        >>> sgd = torch.optim.SGD(model.parameters(), lr=0.1)
        >>> optimizer = Penalised(sgd, vrtune.Norms(l1=1e3, decoupled=True))
        >>> model(torch.ones(4, 2)).square().mean().backward()
        >>> optimizer.step()
        >>> model.weight.abs().max().item()
        0.0
    """

    reduces = False

    def __init__(self, base: Optimizer, penalty: PenaltySettings | dict[str, Any]) -> None:
        if not isinstance(base, Optimizer):
            raise UsageError(f"the base is {shown(base)}: give an optimizer")
        if isinstance(base, Around):
            raise UsageError(
                f"{type(base).__name__} estimates from what it is over: give "
                "VarianceReduced(Penalised(...), ...) the penalty inside"
            )
        self.penalty = settings_of(PenaltySettings, penalty)
        super().__init__(base)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Makes a step along gradients with the penalty's; they are left as they were.

        Args:
            closure: computes loss and gradients before, if it is given.

        Returns:
            What the closure returned.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        rows = [self._row(group) for group in self.param_groups]
        found = {p: p.grad for row in rows if row for p in row[0].params}
        for made, group in zip(rows, self.param_groups, strict=True):
            if made is None:
                continue
            row, rule = made
            W, hp = row.weights(), self._numbers(row)
            row.put(rule.add(W, row.gradients(), hp), [True] * len(row.params), anew=True)
            rule.decay(W, W.new_full((1, 1), float(group["lr"])), hp)
            row.write(W)
        self.base.step()
        for made, group in zip(rows, self.param_groups, strict=True):
            if made is not None:
                row, rule = made
                W = row.weights()
                rule.shrink(W, W.new_full((1, 1), float(group["lr"])), self._numbers(row))
                row.write(W)
        for p, grad in found.items():
            p.grad = grad
        return loss

    def _row(self, group: dict[str, Any]) -> tuple[Row, Penalty] | None:
        """The parameters of a group that are trained now, and the penalty on them."""
        params = [p for p in group["params"] if p.grad is not None]
        if not params:
            return None
        row, rule = Row(params), self.penalty.algorithm(**self.penalty.words())
        rule.shapes = row.shapes
        return row, rule

    def _numbers(self, row: Row) -> dict[str, torch.Tensor]:
        return {
            name: torch.tensor([values], dtype=row.dtype, device=row.device)
            for name, values in self.penalty.numbers().items()
        }

    def state_dict(self) -> dict[str, Any]:
        """The base's: a penalty remembers nothing."""
        return self.base.state_dict()

    def _remembered(self) -> dict[str, Any]:
        return {}

    def _recall(self, remembered: dict[str, Any] | None) -> None:
        """Nothing."""
