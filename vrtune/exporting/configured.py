"""A trial as configuration: Hydra's _target_ groups, and class_path and init_args for Lightning."""

from __future__ import annotations

from typing import Any, NamedTuple

from vrtune.averages import Last
from vrtune.chains import Chain
from vrtune.config import Task
from vrtune.exporting.calls import Call
from vrtune.exporting.method import OPTIM, nameable, optimizer_call, over, settings_call
from vrtune.exporting.record import foreign_units
from vrtune.inits import Default, MetaInit
from vrtune.penalties import NoPenalty
from vrtune.schedules import Constant
from vrtune.trial_config import TrialConfig

MISSING = "???"  # OmegaConf's word for what is to be given


class Run(NamedTuple):
    """The epochs of a run, and the steps of one; None where nobody kept how many samples it has."""

    epochs: int
    steps: int | None


def steps_of(samples: int | None, batch_size: int) -> int | None:
    """Batches of an epoch; a single sample that is left over joins the batch before."""
    if samples is None:
        return None
    full, left = divmod(samples, batch_size)
    alone = left == 1 and batch_size > 1 and full > 0
    return full + (left > 0) - alone


def has_beside(config: TrialConfig) -> bool:
    """Whether a setting penalises or averages weights, or keeps a table, whose steps are told the
    number of the batch, or is a chain, or looks at layers."""
    tabled = config.estimator.keeps_table or isinstance(config.optimizer, Chain)
    looks = config.optimizer.algorithm.layers
    return tabled or looks or config.penalty != NoPenalty() or config.average != Last()


def for_hydra(config: TrialConfig, task: Task, run: Run) -> dict[str, Any] | None:
    """Groups for hydra.utils.instantiate: model, init, optimizer, scheduler.

    Each makes a function of what is left to give: `optimizer(params)`, `scheduler(optimizer)`,
    `model(shape=..., classes=...)`, `init(model, shape)`. What is not there does nothing. None for
    units whose files no dotted path can name, and for what an optimizer alone does not do.
    """
    if not nameable(config) or has_beside(config):
        return None
    groups = {
        "model": Call(
            "vrtune.models", "build", {"model": task.model, "norm": task.norm}, first="shape"
        ),
        "init": _init(config, task),
        "optimizer": _optimizer(config, run),
        "scheduler": _scheduler(config, run),
    }
    lists = {"_convert_": "all"}  # settings take lists, no ListConfig
    return {name: {**call.hydra(), **lists} for name, call in groups.items() if call}


def for_lightning(config: TrialConfig, run: Run) -> dict[str, Any] | None:
    """`optimizer` and `lr_scheduler` as LightningCLI and jsonargparse take them: classes whose
    first argument they give. The scheduler counts epochs, as Lightning steps it after each. None
    for units that are not vrtune's own, which nothing would import, and as for_hydra."""
    if foreign_units(config) or not nameable(config) or has_beside(config):
        return None
    groups = {
        "optimizer": _optimizer(config, run),
        "lr_scheduler": _scheduler(config, Run(run.epochs, 1)),
    }
    return {name: call.lightning() for name, call in groups.items() if call}


def _optimizer(config: TrialConfig, run: Run) -> Call:
    method = config.estimator.over(run.epochs)
    steps = run.steps

    def after(epochs: int) -> int | str | None:
        return MISSING if steps is None else epochs * steps

    taken = len(range(method.start, run.epochs, method.period))
    times: dict[str, Any] = {"snapshots": max(1, taken)}
    if method.start:
        times["plain_steps"] = after(method.start)
    if steps is not None or method.start or method.period > 1:  # or the loop says when
        times["snapshot_every"] = after(method.period)
    told = {"epochs": run.epochs, "steps_per_epoch": MISSING if steps is None else steps}
    call = optimizer_call(config, times, told)
    return over(call) if call.name == "VarianceReduced" else call


def _scheduler(config: TrialConfig, run: Run) -> Call | None:
    if isinstance(config.schedule, Constant):
        return None
    given = {
        "schedule": settings_call(config.schedule),
        "epochs": run.epochs,
        "steps": MISSING if run.steps is None else run.steps,
    }
    return Call(OPTIM, "Scheduler", given, first="optimizer")


def _init(config: TrialConfig, task: Task) -> Call | None:
    init, batch = config.init, {"batch_size": task.batch_size}
    if isinstance(init, Default):
        return None
    made = settings_call(init)
    if isinstance(init, MetaInit):
        return Call(OPTIM, "metainit", {**made.arguments, **batch}, first="model")
    return Call(OPTIM, "initialise", {"settings": made, **batch}, first="model")
