"""Schedules against torch.optim's, and lanes that each follow their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from contracts.settings import SCHEDULE_SETTINGS
from torch.optim import lr_scheduler

from vrtune import SGD, STORM, Constant, Cosine, Cyclic, Decay, OneCycle, Step, TrialConfig
from vrtune.schedules import SCHEDULES
from vrtune.testing import problem
from vrtune.testing.spy import watch
from vrtune.units import ScheduleSettings

EPOCHS, STEPS = 8, 5  # steps an epoch


def factors(settings: ScheduleSettings) -> list[float]:
    """Over a whole run, an epoch at a time as lanes ask for them."""
    share = torch.arange(STEPS, dtype=torch.float64) / STEPS
    return [
        factor
        for epoch in range(EPOCHS)
        for factor in settings.factors(epoch + share, EPOCHS).tolist()
    ]


def torchs(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    """The learning rates of a run whose scheduler steps after every batch, from lr = 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    rates = []
    for _ in range(EPOCHS * STEPS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


TOTAL = EPOCHS * STEPS


@pytest.mark.parametrize(
    ("settings", "twin"),
    [
        (Step(), lambda o: lr_scheduler.MultiStepLR(o, [4 * STEPS, 6 * STEPS], 0.1)),
        (
            Step(milestones=(0.25,), gamma=0.5),
            lambda o: lr_scheduler.MultiStepLR(o, [2 * STEPS], 0.5),
        ),
        (Cosine(), lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL)),
        (Cosine(final=0.2), lambda o: lr_scheduler.CosineAnnealingLR(o, TOTAL, eta_min=0.2)),
        (
            Cyclic(low=0.1, period=4.0),
            lambda o: lr_scheduler.CyclicLR(o, 0.1, 1.0, step_size_up=2 * STEPS),
        ),
        (  # c / k: an offset of one step
            Decay(offset=1 / STEPS),
            lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 / (step + 1)),
        ),
        (  # c / sqrt(k)
            Decay(power=0.5, offset=1 / STEPS),
            lambda o: lr_scheduler.LambdaLR(o, lambda step: (step + 1) ** -0.5),
        ),
        (
            Decay(power=0.7, offset=2.0),
            lambda o: lr_scheduler.LambdaLR(o, lambda step: (1 + step / STEPS / 2) ** -0.7),
        ),
        (
            # torch counts the last step as the end: one more step makes both ends meet
            OneCycle(rising=0.25, start=0.1, end=0.001),
            lambda o: lr_scheduler.LambdaLR(o, lambda k: one_cycle(k / STEPS)),
        ),
    ],
    ids=lambda v: getattr(v, "kind", ""),
)
def test_schedules_equal_torchs(settings: ScheduleSettings, twin: Callable) -> None:
    assert factors(settings) == pytest.approx(torchs(twin), rel=1e-9, abs=1e-12)


def one_cycle(t: float) -> float:
    """0.1 to 1 in the first two epochs of eight, then to 0.001: by hand, with cosines."""
    import math

    a, b, share = (0.1, 1.0, t / 2) if t < 2 else (1.0, 0.001, (t - 2) / 6)
    return a + (b - a) * (1 - math.cos(math.pi * share)) / 2


def test_one_cycle_is_torchs_up_to_its_count() -> None:
    """Both peak and end alike; torch reaches the end with its last step instead of after it."""
    settings = OneCycle(rising=0.3, start=0.04, end=4e-6)
    twin = torchs(lambda o: lr_scheduler.OneCycleLR(o, 1.0, TOTAL, cycle_momentum=False))
    assert factors(settings)[0] == pytest.approx(twin[0])
    assert factors(settings) == pytest.approx(twin, abs=0.08)


def test_warm_up_rises_in_a_line_and_meets_the_cosine() -> None:
    found = factors(Cosine(warmup=0.25))
    ramp = [(i + 0.5) / (2 * STEPS) for i in range(2 * STEPS)]
    assert found[: 2 * STEPS] == pytest.approx(ramp)
    assert found[2 * STEPS] == 1.0
    assert found[-1] < 0.01


@pytest.mark.parametrize("kind", SCHEDULES)
def test_factors_are_positive_and_at_most_one(kind: str) -> None:
    for settings in SCHEDULE_SETTINGS[kind]:
        found = factors(settings)
        assert len(found) == TOTAL
        assert min(found) > 0
        assert max(found) <= 1.0


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
def test_lanes_follow_their_own_schedules(fused: bool) -> None:
    """Side by side; each as if alone, and with the factor on the step size it is to have."""
    schedules = [Constant(), Cosine(), Step(milestones=(0.5,), gamma=0.1)]
    configs = [TrialConfig(optimizer=SGD(lr=0.1), schedule=s) for s in schedules]
    lanes = problem.seat(configs, fused=fused)
    seen = watch(lanes)
    for _ in range(problem.HORIZON):
        lanes.train_epoch()
    batches = len(seen) // problem.HORIZON
    for i, (step, after) in enumerate(zip(seen, [*seen[1:], None], strict=True)):
        if after is None:
            break
        epoch, share = divmod(i, batches)
        for row, settings in enumerate(schedules):
            t = torch.tensor([epoch + share / batches], dtype=torch.float64)
            factor = settings.factors(t, problem.HORIZON)
            moved = step.weights[row] - after.weights[row]
            torch.testing.assert_close(moved, 0.1 * factor * step.d[row], rtol=1e-9, atol=1e-12)


def test_a_schedule_scales_storms_own_step_size() -> None:
    for factor, schedule in ((1.0, Constant()), (0.5, Step(milestones=(0.0,), gamma=0.5))):
        config = TrialConfig(estimator=STORM(), optimizer=SGD(), schedule=schedule)
        lanes = problem.seat([config])
        seen = watch(lanes)
        lanes.train_epoch()
        moved = seen[0].weights - seen[1].weights
        eta = seen[0].eta
        assert eta is not None
        torch.testing.assert_close(moved, factor * eta * seen[0].d, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
def test_storms_momentum_sees_the_scheduled_step_size(fused: bool) -> None:
    """a = c eta^2 of the step that is taken: half of every eta is half of k, and nothing else."""
    halved = Step(milestones=(0.0,), gamma=0.5)
    configs = [
        TrialConfig(estimator=STORM(k=0.3, c=20.0), optimizer=SGD(), schedule=halved),
        TrialConfig(estimator=STORM(k=0.15, c=20.0), optimizer=SGD()),
    ]
    lanes = problem.seat(configs, fused=fused, names=["fold 0"])
    for _ in range(2):
        lanes.train_epoch()
    assert (lanes.rows.estimator.state["a"] < 1).all(), "or there would be nothing to see"
    torch.testing.assert_close(lanes.rows.W[0], lanes.rows.W[1], rtol=1e-9, atol=1e-12)
