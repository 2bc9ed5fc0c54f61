"""What can't be made, told in one sentence when it is made."""

from __future__ import annotations

import inspect
from typing import Any

from torch.optim import Optimizer

from vrtune.errors import UsageError, shown
from vrtune.optim.around import Around
from vrtune.units import EstimatorSettings


def no_closure(optimizer: Optimizer) -> UsageError:
    """What step() without a closure is told."""
    return UsageError(
        f"{type(optimizer).__name__} needs step(closure), where closure() computes the gradient of "
        "the step's batch and returns the loss; GradScaler can't pass one on: use bfloat16, which "
        "needs no scaling, or unscale the gradients inside the closure"
    )


def check_base(base: Any, estimator: EstimatorSettings) -> None:
    """UsageError where the base can't make the steps."""
    if not isinstance(base, Optimizer):
        raise UsageError(
            f"the base is {shown(base)}: give an optimizer, such as "
            "torch.optim.AdamW(model.parameters()); vrtune.optim.Over takes a class"
        )
    name = type(base).__name__
    if isinstance(base, Around) and base.reduces:
        raise UsageError(f"{name} reduces variance already: give the optimizer that it is over")
    closure = inspect.signature(base.step).parameters.get("closure")
    if closure is not None and closure.default is closure.empty:
        raise UsageError(
            f"{name} calls its closure itself and would take the plain gradient: choose a base "
            "whose step() needs none"
        )
    rates = [group.get("initial_lr", group.get("lr")) for group in base.param_groups]
    if estimator.sets_step_size and any(rate != 1 for rate in rates):
        raise UsageError(
            f"{estimator.kind} sets the step size itself: give {name} lr=1.0, which schedulers "
            "may then scale"
        )
