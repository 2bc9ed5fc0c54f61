"""A trial's setting as optimizer and scheduler for anyone's training loop."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.optim import Optimizer

from vrtune.optim.reduced import VarianceReduced
from vrtune.optim.row_rule import RowRule
from vrtune.optim.scheduler import Scheduler
from vrtune.units import OptimizerSettings

if TYPE_CHECKING:
    from vrtune.trial_config import TrialConfig


def build(
    config: TrialConfig, model: nn.Module, *, epochs: int, steps: int
) -> tuple[Optimizer, Scheduler | None]:
    """Optimizer and scheduler that train a model as a trial with this setting is trained.

    Where torch.optim has the step rule, it makes the steps. The weights are left as they are: for
    MetaInit call vrtune.metainit before.

    Args:
        config: estimator, step rule and schedule.
        model: what is trained.
        epochs: those of the run.
        steps: batches of an epoch.

    Returns:
        The optimizer, and a scheduler to be stepped after every step, or None if the step size
        stays. With plain gradients the optimizer is an ordinary one; else it is VarianceReduced,
        and needs step(closure), and a snapshot where `snapshot_due` says so.

    Raises:
        UsageError: the parameters can't be trained in one row.

    Example:
        >>> import torch
        >>> from vrtune import SGD, STORM, Cosine, TrialConfig
        >>> from vrtune.optim import build
        >>> config = TrialConfig(estimator=STORM(), optimizer=SGD(), schedule=Cosine())
        >>> optimizer, scheduler = build(config, torch.nn.Linear(2, 1), epochs=3, steps=10)
        >>> type(optimizer.base).__name__, scheduler.get_last_lr()
        ('SGD', [1.0])
    """
    estimator = config.estimator
    lr = 1.0 if estimator.sets_step_size else config.optimizer.lr
    assert lr is not None, "TrialConfig sees to it"
    optimizer = _steps(config.optimizer, model.parameters(), lr)
    if estimator.kind != "plain":
        optimizer = VarianceReduced(optimizer, estimator, epochs=epochs, steps_per_epoch=steps)
    if config.schedule.kind == "constant":
        return optimizer, None
    return optimizer, Scheduler(optimizer, config.schedule, epochs, steps)


def _steps(settings: OptimizerSettings, params: Iterable[Any], lr: float) -> Optimizer:
    """What makes the steps: of another library, of PyTorch, or the rule itself."""
    if hasattr(settings, "make"):
        made: Optimizer = settings.make(params, lr)
        return made
    name = settings.twin()
    if name is None:
        return RowRule(params, settings, lr)
    twin = getattr(torch.optim, name)
    known = inspect.signature(twin).parameters
    given = {field: getattr(settings, field) for field in type(settings).model_fields}
    # that Adam is AdamW is in the name of the twin
    told = {k: v for k, v in given.items() if k in known and k != "decoupled_weight_decay"}
    made = twin(params, **{**told, "lr": lr})
    return made
