"""Through build(), a model in anyone's loop trains as the lane of the same setting does."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
import torch
import torch.nn.functional as F
from contracts.settings import ESTIMATOR_SETTINGS, OPTIMIZER_SETTINGS, SCHEDULE_SETTINGS, configs
from torch import Tensor, nn

from vrtune import (
    MARS,
    SCSG,
    SGD,
    STORM,
    SVRG,
    Adam,
    AlphaSVRG,
    Cosine,
    OneCycle,
    OptimalSVRG,
    Plain,
    TrialConfig,
)
from vrtune.chains.chain import Chain
from vrtune.estimators import Clock, Estimator, EstimatorSettings
from vrtune.optim import RowRule, VarianceReduced, build
from vrtune.optimizers import OptimizerSettings, StepRule
from vrtune.testing import problem

EPOCHS = 3
Batch = tuple[Tensor, Tensor]


def gradient_of(model: nn.Module, optimizer: torch.optim.Optimizer) -> Callable[[Batch], Tensor]:
    def gradient(batch: Batch) -> Tensor:
        x, y = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    return gradient


def train(
    model: nn.Module, config: TrialConfig, epochs: list[list[Batch]]
) -> tuple[torch.optim.Optimizer, list[float]]:
    """The loop that users write; the mean training loss of every epoch."""
    steps = len(epochs[0])
    optimizer, scheduler = build(config, model, epochs=problem.HORIZON, steps=steps)
    gradient = gradient_of(model, optimizer)
    means, number = [], dict[bytes, int]()
    for batches in epochs:
        total = 0.0
        for i, batch in enumerate(batches):
            if getattr(optimizer, "snapshot_due", False):
                ahead = batches[i : i + (config.estimator.batches or steps)]
                optimizer.snapshot(ahead, gradient)
            told = {}
            if config.estimator.keeps_table:
                name = batch[0].sum(0).numpy().round(6).tobytes()
                told = {"subset": number.setdefault(name, len(number)), "samples": len(batch[1])}
            total += optimizer.step(lambda b=batch: gradient(b), **told).item() * len(batch[1])
            if scheduler is not None:
                scheduler.step()
        means.append(total / sum(len(y) for _, y in batches))
    return optimizer, means


def held_against_lanes(config: TrialConfig, norm: str) -> torch.optim.Optimizer:
    """Weights, batch-norm statistics, losses and costs of both, after the same batches."""
    lanes = problem.seat([config], norm)
    model = problem.module_in(lanes, 0)
    losses = [float(lanes.train_epoch()) for _ in range(EPOCHS)]
    optimizer, means = train(model, config, problem.epochs_of(lanes.seats[0], EPOCHS))
    expected = problem.module_in(lanes, 0).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-8, atol=1e-9, msg=name)
    assert means == pytest.approx(losses, rel=1e-8)
    if isinstance(optimizer, VarianceReduced):
        assert optimizer.gradient_computations == lanes.seats[0].gradient_computations
    return optimizer


EVERY = [
    *(c for name, some in ESTIMATOR_SETTINGS.items() for c in configs(name, "sgd", len(some))),
    *(configs(name, "adam", 4)[3] for name in ("mars", "mars_approximate", "storm", "svrg")),
    *(
        TrialConfig(optimizer=o)
        for rules in OPTIMIZER_SETTINGS.values()
        for o in rules[1:]
        if not (o.algorithm.layers or isinstance(o, Chain))
    ),
]


@pytest.fixture
def _double() -> Iterator[None]:
    """torch.optim.NAdam keeps a product in the type that is PyTorch's default."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("config", EVERY, ids=lambda c: f"{c.estimator.kind}-{c.optimizer.kind}")
def test_equals_its_lane_with_batch_norm(config: TrialConfig) -> None:
    held_against_lanes(config, "batch")


@pytest.mark.parametrize("estimator", ESTIMATOR_SETTINGS)
def test_equals_its_lane_without(estimator: str) -> None:
    held_against_lanes(configs(estimator, "sgd", 3)[-1], "none")


@pytest.mark.parametrize(
    "estimator",
    [
        SVRG(snapshot_period=2, start_epoch=1),
        AlphaSVRG(start_share=0.5),
        OptimalSVRG(start_epoch=1),
        SVRG(start_epoch=9),
    ],
    ids=lambda e: e.kind,
)
def test_equals_its_lane_after_a_late_start(estimator: EstimatorSettings) -> None:
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=0.1, momentum=0.9))
    held_against_lanes(config, "batch")


@pytest.mark.parametrize(
    "schedule",
    [some[-1] for some in SCHEDULE_SETTINGS.values()],
    ids=lambda s: s.kind,
)
@pytest.mark.parametrize("estimator", [Plain(), STORM(c=2.0), SVRG()], ids=lambda e: e.kind)
def test_equals_its_lane_under_a_schedule(estimator: EstimatorSettings, schedule: Any) -> None:
    lr = None if estimator.sets_step_size else 0.1
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=lr), schedule=schedule)
    held_against_lanes(config, "none")


class Halved(EstimatorSettings):
    """An estimator of one's own that asks for the time."""

    kind: Literal["halved_for_optim"] = "halved_for_optim"
    share: float = 0.5


class HalvedEstimator(Estimator):
    settings = Halved

    def estimate(
        self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: Any
    ) -> tuple[Tensor, None]:
        (g,) = gradient(weights)
        return g * hp["share"] ** (clock.epoch / clock.epochs) * clock.factor, None


class Signed(OptimizerSettings):
    """A step rule of one's own."""

    kind: Literal["signed_for_optim"] = "signed_for_optim"
    decay: float = 0.5


class SignedRule(StepRule):
    settings = Signed

    def __init__(self, weights: Tensor) -> None:
        self.state = {"mean": torch.zeros_like(weights)}

    def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
        weights.sub_(eta * self.state["mean"].mul_(hp["decay"]).add_(d).sign())


OWN = [
    (role.enrolled, unit._kind(), role.enrolled.pop(unit._kind()))  # tests of registries see none
    for role, unit in ((EstimatorSettings, Halved), (OptimizerSettings, Signed))
]


@pytest.fixture
def own_kinds() -> Any:
    """Enrols the units above for a test."""
    for enrolled, kind, unit in OWN:
        enrolled[kind] = unit
    yield
    for enrolled, kind, _ in OWN:
        del enrolled[kind]


def test_units_of_ones_own_come_along(own_kinds: None) -> None:
    config = TrialConfig(estimator=Halved(), optimizer=Signed(lr=0.01), schedule=Cosine())
    optimizer = held_against_lanes(config, "batch")
    assert isinstance(optimizer, VarianceReduced)
    assert isinstance(optimizer.base, RowRule)


def test_the_steps_are_pytorchs_own_where_it_has_the_rule() -> None:
    model = nn.Linear(2, 1)
    adamw = Adam(lr=3e-3, weight_decay=0.1, decoupled_weight_decay=True)
    optimizer, none = build(TrialConfig(optimizer=adamw), model, epochs=1, steps=1)
    assert (type(optimizer), none) == (torch.optim.AdamW, None)
    assert optimizer.param_groups[0]["weight_decay"] == 0.1
    mars, _ = build(TrialConfig(estimator=MARS(), optimizer=adamw), model, epochs=1, steps=1)
    assert isinstance(mars, VarianceReduced)
    assert type(mars.base) is torch.optim.AdamW
    storm = TrialConfig(estimator=STORM(), optimizer=SGD(momentum=0.9))
    optimizer, scheduler = build(storm, model, epochs=2, steps=5)
    assert (optimizer.param_groups[0]["lr"], scheduler) == (1.0, None)


def test_the_scheduler_outlives_the_run_and_is_saved_as_plain_data() -> None:
    config = TrialConfig(optimizer=SGD(lr=2.0), schedule=OneCycle())
    optimizer, scheduler = build(config, nn.Linear(2, 1), epochs=2, steps=3)
    for _ in range(8):
        optimizer.step()
        scheduler.step()
    last = 2.0 * float(OneCycle().factors(torch.tensor([1 + 2 / 3]), 2))
    assert scheduler.get_last_lr() == [pytest.approx(last)]
    saved = io.BytesIO()
    torch.save(scheduler.state_dict(), saved)
    saved.seek(0)
    assert torch.load(saved, weights_only=True)["last_epoch"] == 8


def test_scsg_begins_anew_with_each_epoch() -> None:
    """Five batches an epoch and chunks of two: the last has one."""
    config = TrialConfig(estimator=SCSG(mega_batch=2), optimizer=SGD(lr=0.1))
    optimizer = held_against_lanes(config, "none")
    assert isinstance(optimizer, VarianceReduced)
    assert optimizer.snapshots_taken == 3 * EPOCHS
