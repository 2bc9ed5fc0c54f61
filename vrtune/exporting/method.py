"""A trial's method as calls: the optimizer of torch or of vrtune.optim, its scheduler, its init."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from vrtune.chains import Chain
from vrtune.errors import UsageError
from vrtune.estimators import MARS, SAGA, SCSG, STORM, SVRG, AlphaSVRG, MARSApproximate, OptimalSVRG
from vrtune.exporting.calls import Call
from vrtune.exporting.code import importable
from vrtune.exporting.owned import imported
from vrtune.exporting.record import home_of
from vrtune.optimizers import SGD, Adam, Library
from vrtune.own.files import FROM_FILE
from vrtune.own.objects import is_object
from vrtune.penalties import NoPenalty, Norms
from vrtune.trial_config import TrialConfig
from vrtune.units import EstimatorSettings, OptimizerSettings, PenaltySettings, Unit

OPTIM = "vrtune.optim"
OVER_SGD = (SVRG, SAGA, AlphaSVRG, OptimalSVRG, SCSG)
OVER_ADAM = (MARS, MARSApproximate)
TIMES = {"snapshot_period", "start_epoch", "start_share"}  # which named classes count in steps
IMPLIED = {*TIMES, "rank"}  # and what a partition has none of
PARAMS = "model.parameters()"


def optimizer_call(config: TrialConfig, times: dict[str, Any], run: dict[str, Any]) -> Call:
    """The optimizer on `model.parameters()`.

    `times` are what a class with a name of its own is told of snapshots, as far as it takes them;
    `run` are the epochs of a run and the steps of one, for VarianceReduced.
    """
    if config.estimator.of_samples:
        raise UsageError(
            f"{config.estimator!r} keeps gradients of single samples, which no closure gives: "
            'export a trial with table="partition"'
        )
    estimator, optimizer, penalty = config.estimator, config.optimizer, config.penalty
    if estimator.kind == "plain":
        return _penalised(base_call(optimizer), penalty)
    if not _penalises(penalty) and (named := _named(estimator, optimizer)) is not None:
        known = {key: value for key, value in times.items() if _takes(estimator, key)}
        return Call(OPTIM, type(estimator).__name__, {**named, **known}, PARAMS)
    base = _penalised(base_call(_without_step_size(optimizer, estimator)), penalty)
    return Call(
        OPTIM, "VarianceReduced", {"base": base, "estimator": settings_call(estimator), **run}
    )


def _penalised(base: Call, penalty: PenaltySettings) -> Call:
    """The optimizer with a penalty around it, if that does anything to the weights."""
    if not _penalises(penalty):
        return base
    return Call(OPTIM, "Penalised", {"base": base, "penalty": settings_call(penalty)})


def _penalises(penalty: PenaltySettings) -> bool:
    if isinstance(penalty, Norms):
        return bool(penalty.l1 or penalty.l2)
    return not isinstance(penalty, NoPenalty)


def over(call: Call) -> Call:
    """The same VarianceReduced for configurations, which give the parameters last."""
    return Call(OPTIM, "Over", call.arguments, PARAMS)


def base_call(optimizer: OptimizerSettings) -> Call:
    """A step rule: torch's own class, or whatever runs the settings."""
    if isinstance(optimizer, Library):
        return _library(optimizer)
    refuse_own(optimizer)
    twin = optimizer.twin()
    given = _changed(optimizer)
    if twin is None:
        return Call(OPTIM, "RowRule", {"settings": settings_call(optimizer)}, PARAMS)
    if twin == "AdamW":
        given = {**given, "weight_decay": optimizer.weight_decay}  # type: ignore[attr-defined]
        del given["decoupled_weight_decay"]
    return Call("torch.optim", twin, given, PARAMS)


def refuse_own(optimizer: OptimizerSettings) -> None:
    """UsageError if a step rule is none for other loops."""
    if isinstance(optimizer, Chain):
        raise UsageError(
            f"{type(optimizer).__name__} samples a posterior in vrtune's own loop: keep its "
            "setting as json, yaml or toml, and its samples with vrtune retrain"
        )
    if optimizer.algorithm.layers:
        raise UsageError(
            f"{type(optimizer).__name__} looks at a model's layers, which an optimizer of its "
            "parameters does not see: keep its setting as json, yaml or toml, and train it with "
            "vrtune retrain"
        )


def _library(settings: Library) -> Call:
    """The class itself; of two that share a model, what makes them of settings."""
    if settings.rest is not None:
        rest = Call("vrtune", "Library", _all(settings.rest))
        given = {**_all(settings), "rest": rest}
        return Call("vrtune", "Library", given, PARAMS, method="make")
    arguments = _all(settings)
    del arguments["name"]
    if is_object(settings.name):
        needed = imported(settings.name)
        return Call(needed.module, needed.name, arguments, PARAMS, own=True)
    home, _, name = settings.name.rpartition(".")
    return Call(home, name, arguments, PARAMS)


def _all(settings: Library) -> dict[str, Any]:
    given = {"name": settings.name, "lr": settings.lr, **settings.options}
    return {key: value for key, value in given.items() if (key, value) != ("lr", None)}


def settings_call(unit: Unit) -> Call:
    """The settings of a unit; every one of them, as another version may have other defaults."""
    given = {name: value for name, value in values(unit).items() if (name, value) != ("lr", None)}
    own = not type(unit).__module__.startswith("vrtune.")
    home = home_of(type(unit)) if own else "vrtune"
    data = {"kind": unit.kind, **_plain(given)}
    return Call(home, type(unit).__name__, given, own=own, data=data)


def _plain(given: dict[str, Any]) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in given.items()}


def has_modes(optimizer: OptimizerSettings) -> bool:
    """Whether a class has train() and eval(), as schedule-free ones have."""
    if not isinstance(optimizer, Library):
        return False
    from vrtune.optimizers.classes import find_class  # imports the class, and PyTorch

    return hasattr(find_class(optimizer.name), "eval")


def nameable(config: TrialConfig) -> bool:
    """Whether dotted paths name all that a setting is made of."""
    rule = config.optimizer
    if isinstance(rule, Library) and (rule.rest is not None or is_object(rule.name)):
        return False
    own = [type(unit) for _, unit in config if not type(unit).__module__.startswith("vrtune.")]
    return not any(map(by_path, own))


def by_path(unit: type[Unit]) -> bool:
    """Whether a unit's file has a name that no import statement takes."""
    if unit.__module__.startswith(FROM_FILE) and "." in Path(inspect.getfile(unit)).stem:
        return True
    return not all(map(importable, home_of(unit).split(".")))


def values(unit: Unit) -> dict[str, Any]:
    """All settings of a unit."""
    return {name: getattr(unit, name) for name in type(unit).model_fields if name != "kind"}


def _changed(unit: Unit) -> dict[str, Any]:
    """Settings that are not the defaults, which are torch's too; lr in any case."""
    fields = type(unit).model_fields
    return {
        name: value
        for name, value in values(unit).items()
        if value != fields[name].default or (name == "lr" and value is not None)
    }


def _named(estimator: EstimatorSettings, optimizer: OptimizerSettings) -> dict[str, Any] | None:
    """The arguments of the class of vrtune.optim that does both; None where none does."""
    changed = {k: v for k, v in _changed(estimator).items() if k not in IMPLIED}
    if type(estimator) in OVER_SGD and type(optimizer) is SGD:
        return {**_changed(optimizer), **changed}
    if type(estimator) is STORM and type(optimizer) is SGD and not optimizer.momentum:
        return {**values(estimator), **_changed(optimizer)}
    if type(estimator) in OVER_ADAM and type(optimizer) is Adam:
        decayed = optimizer.weight_decay and not optimizer.decoupled_weight_decay
        if decayed or optimizer.betas[0] != estimator.beta1:  # type: ignore[attr-defined]
            return None
        rule = {**_changed(optimizer), "betas": optimizer.betas}
        own = {k: v for k, v in values(estimator).items() if k in {"gamma", *changed}}
        return {k: v for k, v in {**rule, **own}.items() if k not in _ADAMW_ALREADY}
    return None


_ADAMW_ALREADY = {"decoupled_weight_decay", "beta1"}  # what the class is, and what betas say


def _takes(estimator: EstimatorSettings, name: str) -> bool:
    """Whether the class of this name is told so: `plain_steps`, `snapshot_every`, `snapshots`."""
    if name == "snapshots":
        return isinstance(estimator, AlphaSVRG) and estimator.decay
    return estimator.keeps_snapshot and estimator.batches is None


def _without_step_size(
    optimizer: OptimizerSettings, estimator: EstimatorSettings
) -> OptimizerSettings:
    """Where the estimator sets the step size, the rule's lr is a factor on it."""
    return optimizer.model_copy(update={"lr": 1.0}) if estimator.sets_step_size else optimizer
