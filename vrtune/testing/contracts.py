"""contracts(): every contract of a unit, ready to be called, one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from vrtune.optimizers import SGD
from vrtune.testing import lanes, units
from vrtune.testing.quadratics import SAMPLES, LeastSquares, descend
from vrtune.trial_config import TrialConfig
from vrtune.units import (
    AverageSettings,
    EstimatorSettings,
    InitSettings,
    OptimizerSettings,
    PenaltySettings,
    ScheduleSettings,
    Unit,
)

LR = 0.05  # of SGD, beside any unit that is no step rule


@dataclass(frozen=True)
class Contract:
    """Something that a unit promises; calling it raises AssertionError if it is not so."""

    name: str
    check: Callable[[], None]

    def __call__(self) -> None:
        self.check()

    def __str__(self) -> str:
        return self.name


def contracts(*settings: Unit, twin: units.Twin | None = None) -> list[Contract]:
    """The contracts of a unit, to be tried with these settings of it.

    Args:
        settings: one or more of one unit; those that differ in what is no number make another
            program, and need another call.
        twin: `twin(parameters, settings)` makes an ordinary torch.optim.Optimizer that a step
            rule must equal, step by step.

    Returns:
        The contracts; each is called without arguments and raises AssertionError if broken.

    Raises:
        TypeError: the settings are of different units, or there are none.

    Example:
        >>> from vrtune import SGD
        >>> from vrtune.testing import contracts
        >>> promised = contracts(SGD(lr=0.1), SGD(lr=0.2, momentum=0.9))
        >>> print(promised[0])
        json-0
        >>> promised[0]()  # for contract in promised: contract()
    """
    if not all(isinstance(s, Unit) for s in settings) or len({type(s) for s in settings}) != 1:
        raise TypeError("give one or more settings of one unit, such as SGD(lr=0.1)")
    if len({repr(s.words()) for s in settings}) != 1 and not isinstance(
        settings[0], ScheduleSettings
    ):
        raise TypeError("settings that differ in what is no number are tried in calls of their own")
    configs = [_config(s) for s in settings]
    three = (configs * 3)[: max(3, len(configs))]
    found = [Contract(f"json-{i}", partial(units.survives_json, c)) for i, c in enumerate(configs)]
    found += _of_lanes(three)
    first = settings[0]
    if isinstance(first, EstimatorSettings):
        found += _of_estimator(three)
    if isinstance(first, OptimizerSettings):
        rules = [s for s in settings if isinstance(s, OptimizerSettings)]
        found += _of_rule(rules, configs[0], twin)
    if isinstance(first, ScheduleSettings):
        found += [
            Contract(f"factors-{i}", partial(units.factors_are_usable, s))
            for i, s in enumerate(settings)
            if isinstance(s, ScheduleSettings)
        ]
    return found


def _config(unit: Unit) -> TrialConfig:
    """A unit in its place, beside the plainest of the others."""
    if isinstance(unit, EstimatorSettings):
        return TrialConfig(estimator=unit, optimizer=SGD(lr=None if unit.sets_step_size else LR))
    if isinstance(unit, OptimizerSettings):
        return TrialConfig(optimizer=unit)
    if isinstance(unit, InitSettings):
        return TrialConfig(optimizer=SGD(lr=LR), init=unit)
    if isinstance(unit, PenaltySettings):
        return TrialConfig(optimizer=SGD(lr=LR), penalty=unit)
    if isinstance(unit, AverageSettings):
        return TrialConfig(optimizer=SGD(lr=LR), average=unit)
    assert isinstance(unit, ScheduleSettings)
    return TrialConfig(optimizer=SGD(lr=LR), schedule=unit)


def _of_lanes(configs: list[TrialConfig]) -> Iterator[Contract]:
    for norm in ("none", lanes.norm_of(configs)):
        yield Contract(
            f"fused-equals-looped-{norm}", partial(lanes.fused_equals_looped, configs, norm)
        )
    for way, fused in (("looped", False), ("fused", True)):
        for check in (
            lanes.together_equals_alone,
            lanes.refilled_equals_fresh,
            lanes.continued_equals_unbroken,
            lanes.replayed_equals_run,
            lanes.refill_moves_nothing,
        ):
            if check is lanes.replayed_equals_run and not configs[0].optimizer.algorithm.captures:
                continue  # its steps are run each time
            name = check.__name__.replace("_", "-")
            yield Contract(f"{name}-{way}", partial(check, configs, fused))


def _of_estimator(configs: list[TrialConfig]) -> Iterator[Contract]:
    yield Contract("counted-equals-computed", partial(lanes.counted_equals_computed, configs))
    for way, fused in (("looped", False), ("fused", True)):
        if configs[0].estimator.of_samples:
            continue  # there are none
        check = partial(lanes.statistics_are_the_own_steps, configs, fused)
        yield Contract(f"statistics-are-the-own-steps-{way}", check)


def _of_rule(
    settings: list[OptimizerSettings], plainest: TrialConfig, twin: units.Twin | None
) -> Iterator[Contract]:
    yield Contract("keeps-the-direction", partial(units.rule_keeps_the_direction, settings))
    yield Contract("moves-rows-in-place", partial(units.rule_moves_rows_in_place, settings))
    yield Contract("comes-closer", partial(_comes_closer, plainest))
    if twin is not None:
        yield Contract("equals-its-twin", partial(units.rule_equals_its_twin, settings, twin))


def _comes_closer(config: TrialConfig) -> None:
    """On the whole gradient of a quadratic, a rule comes closer to the minimum than it began."""
    problem = LeastSquares(noise=1)
    began = float(problem.minimum.norm(dim=1).max())
    assert problem.distance(descend(config, problem, epochs=500, batch=SAMPLES)) < began / 2
