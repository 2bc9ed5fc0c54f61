"""A trial's setting as optimizer and scheduler for anyone's training loop."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn.modules.dropout import _DropoutNd
from torch.optim import Optimizer

from vrtune.errors import UsageError
from vrtune.optim.penalised import Penalised
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

    Where torch.optim has the step rule, it makes the steps, inside of Penalised if there is a
    penalty; dropout layers of the model get the rate that it sets. The weights are left as they
    are: for MetaInit call vrtune.metainit before, and for an average of the weights update a
    vrtune.optim.Averaged(model, config.average, ...) after each step.

    Args:
        config: estimator, step rule, schedule and penalty.
        model: what is trained.
        epochs: those of the run.
        steps: batches of an epoch.

    Returns:
        The optimizer, and a scheduler to be stepped after every step, or None if the step size
        stays. With plain gradients the optimizer is an ordinary one; else it is VarianceReduced,
        and needs step(closure), and a snapshot where `snapshot_due` says so.

    Raises:
        UsageError: the parameters can't be trained in one row, or nothing is there to drop.

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
    if config.penalty.algorithm.drops:
        _set_rate(model, config.penalty.rate)  # type: ignore[attr-defined]
    if config.penalty.kind != "none":
        optimizer = Penalised(optimizer, config.penalty)
    if estimator.kind != "plain":
        optimizer = VarianceReduced(optimizer, estimator, epochs=epochs, steps_per_epoch=steps)
    if config.schedule.kind == "constant":
        return optimizer, None
    return optimizer, Scheduler(optimizer, config.schedule, epochs, steps)


def _set_rate(model: nn.Module, rate: float) -> None:
    """Has the dropout layers of a model drop so much. UsageError if there are none."""
    layers = [layer for layer in model.modules() if isinstance(layer, _DropoutNd)]
    if not layers:
        raise UsageError("the penalty sets the rate of dropout layers: the model needs nn.Dropout")
    for layer in layers:
        layer.p = rate


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
    told = {k: v for k, v in given.items() if k in known}  # AdamW's name says it is decoupled
    made = twin(params, **{**told, "lr": lr})
    return made
