"""Settings to try of every unit that is enrolled."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import vrtune.trial_config  # noqa: F401  enrols the units
from vrtune import (
    MARS,
    SAGA,
    SGD,
    STORM,
    Adam,
    HeavyBall,
    Library,
    MARSApproximate,
    RMSProp,
    TrialConfig,
)
from vrtune.units import (
    AverageSettings,
    EstimatorSettings,
    OptimizerSettings,
    PenaltySettings,
    ScheduleSettings,
)

TRIALS = 4  # the last takes the place of another
RATES = {"sgd": 0.05, "adam": 0.003, "adagrad": 0.02}
USUAL_RATE = 0.01
ESTIMATORS: dict[str, list[EstimatorSettings]] = {  # where the defaults show little
    "storm": [STORM(k=0.3, w=0.5, c=2.0), STORM(k=0.1, w=0.1, c=30.0)],
    "mars": [MARS(gamma=0.5, beta1=0.8), MARS()],
    "mars_approximate": [MARSApproximate(gamma=0.5, beta1=0.8), MARSApproximate()],
}
OPTIMIZERS: dict[str, list[OptimizerSettings]] = {
    "adam": [
        Adam(lr=0.003),
        Adam(lr=0.003, amsgrad=True, weight_decay=0.1),
        Adam(lr=0.002, decoupled_weight_decay=True, weight_decay=0.1),
    ],
    "library": [Library("torch.optim.NAdam", lr=0.003)],
    "rmsprop": [RMSProp(lr=0.003), RMSProp(lr=0.003, centered=True, momentum=0.9)],
    "heavy_ball": [HeavyBall(lr=0.05), HeavyBall(lr=0.1, mean=True)],
}


def estimators() -> list[str]:
    """The kinds there are."""
    return sorted(EstimatorSettings.enrolled)


def optimizers() -> list[str]:
    """The kinds there are."""
    return sorted(OptimizerSettings.enrolled)


def schedules() -> list[ScheduleSettings]:
    """One of each kind."""
    enrolled: dict[str, Any] = dict(ScheduleSettings.enrolled)
    return [enrolled[kind]() for kind in sorted(enrolled)]


def beside() -> dict[str, list[TrialConfig]]:
    """Plain gradients with each penalty and each average that there is, some numbers set."""
    some = {"l1": 1e-4, "l2": 1e-2, "decoupled": True, "rate": 0.3, "start_share": 0.5}
    out: dict[str, list[TrialConfig]] = {}
    roles = (("penalty", PenaltySettings, "none"), ("average", AverageSettings, "last"))
    for role, settings, usual in roles:
        for kind, unit in settings.enrolled.items():
            if kind == usual:
                continue
            known = {k: v for k, v in some.items() if k in unit.model_fields}
            made = unit(**known)
            out[kind] = [c.model_copy(update={role: made}) for c in trials("plain")]
    return out


def tables() -> dict[str, list[TrialConfig]]:
    """SAGA with each way to keep single samples' gradients."""
    rule = SGD(lr=0.02, momentum=0.9)
    saga = {table: SAGA(table=table) for table in ("naive", "factored", "svd")}
    return {t: [TrialConfig(estimator=s, optimizer=rule)] * TRIALS for t, s in saga.items()}


def of_estimator(kind: str, start: int = 0) -> list[EstimatorSettings]:
    """Settings that differ in when snapshots are taken, if the estimator takes any, none of them
    before epoch `start`; the last starts later."""
    settings: Any = EstimatorSettings.enrolled[kind]
    fields = settings.model_fields
    if kind in ESTIMATORS:
        return ESTIMATORS[kind]
    if "snapshot_period" in fields:
        times = [(2, start), (1, start), (2, start + 2)]
        made: list[dict[str, Any]] = [{"snapshot_period": p, "start_epoch": s} for p, s in times]
    elif "mega_batch" in fields:
        made = [{"mega_batch": 2}, {"mega_batch": 3}]
    else:
        made = [{}]
    return [settings(**values) for values in made]


def of_optimizer(kind: str) -> list[OptimizerSettings]:
    """Settings of a step rule; SGD has momentum."""
    if kind in OPTIMIZERS:
        return OPTIMIZERS[kind]
    settings: Any = OptimizerSettings.enrolled[kind]
    extra: dict[str, Any] = {"momentum": 0.9} if "momentum" in settings.model_fields else {}
    return [settings(lr=RATES.get(kind, USUAL_RATE), **extra)]


def trials(estimator: str, optimizer: str = "sgd", start: int = 0) -> list[TrialConfig]:
    """TRIALS settings of an estimator with a step rule, whose learning rates differ."""
    pairs = zip(cycle(of_estimator(estimator, start)), cycle(of_optimizer(optimizer)), strict=False)
    out = []
    for number, (e, o) in enumerate(islice(pairs, TRIALS)):
        lr = None if e.sets_step_size else (o.lr or USUAL_RATE) * (1 - 0.2 * number)
        out.append(TrialConfig(estimator=e, optimizer=o.model_copy(update={"lr": lr})))
    return out


def with_schedules(estimator: str) -> list[TrialConfig]:
    """TRIALS settings, each with a schedule of its own."""
    pairs = zip(trials(estimator), cycle(schedules()[1:]), strict=False)
    return [config.model_copy(update={"schedule": schedule}) for config, schedule in pairs]
