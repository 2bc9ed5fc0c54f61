"""Lanes under other objectives: against plain loops over one model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vrtune import SGD, SVRG, TrialConfig
from vrtune.config import Task
from vrtune.data.normalise import target_statistics
from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.batches import bounds, epoch_order
from vrtune.lanes.rows import Program
from vrtune.objectives.objective import objective_of
from vrtune.testing import problem

EPOCHS = 2
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def numbers() -> tuple[Tensor, Tensor]:
    """The small problem's images, each with a number far from 0 and of no small spread."""
    x, y = problem.data()
    return x, 100 + 20 * y.double() + x[:, 0, 0, 0]


class OneOutput(problem.TinyNet):
    """The small net with one output, of which a regression is made."""

    def __init__(self) -> None:
        super().__init__("none")
        self.layers[-1] = nn.Linear(4, 1)


def seat(
    config: TrialConfig, data: tuple[Tensor, Tensor], outputs: int, fused: bool, **settings: Any
) -> Lanes:
    _, y = data
    objective = objective_of(Task(**settings), y, outputs)

    def make() -> nn.Module:
        return (OneOutput() if outputs == 1 else problem.TinyNet("none")).double()

    lanes = Lanes(
        make, data, 5, Program.of(config), fused=fused, objective=objective, epochs=EPOCHS
    )
    seats = []
    for name in ("fold 0", "fold 1"):
        stream = problem.stream(name)
        y_scale, y_shift = target_statistics(y, stream.train)
        seats.append(Lane(0, config, replace(stream, y_scale=y_scale, y_shift=y_shift)))
    lanes.append(seats)
    return lanes


def plain_sgd(
    module: nn.Module, stream: Stream, data: tuple[Tensor, Tensor], loss: Any, lr: float
) -> None:
    """Epochs of plain descent on a stream's batches, its targets standardised where numbers."""
    x, y = data
    scale, shift = stream.scale.view(-1, 1, 1), stream.shift.view(-1, 1, 1)
    targets = y * stream.y_scale - stream.y_shift if y.is_floating_point() else y
    optimizer = torch.optim.SGD(module.parameters(), lr=lr)
    for epoch in range(EPOCHS):
        order = stream.train[epoch_order(stream.key(), len(stream.train), 5, epoch, epoch)]
        for a, b in bounds(len(order), 5):
            optimizer.zero_grad()
            loss(module(x[order[a:b]] * scale - shift), targets[order[a:b]]).backward()
            optimizer.step()


@ways
@pytest.mark.parametrize(
    ("loss", "twin"),
    [
        ("auto", lambda o, y: F.mse_loss(o[:, 0], y)),
        ("mae", lambda o, y: F.l1_loss(o[:, 0], y)),
        ("huber", lambda o, y: F.huber_loss(o[:, 0], y)),
    ],
    ids=["mse", "mae", "huber"],
)
def test_numbers_are_learned_as_by_a_plain_loop(loss: str, twin: Any, fused: bool) -> None:
    """Weights to rounding in float64 (the scale of targets is held in float32), and metrics in
    the units of the targets."""
    data = numbers()
    lanes = seat(TrialConfig(optimizer=SGD(lr=0.05)), data, 1, fused, loss=loss)
    modules = [problem.module_in(lanes, row) for row in range(2)]
    for _ in range(EPOCHS):
        lanes.train_epoch()
    judged = lanes.validate()
    assert judged.metrics.keys() == {"r2", "rmse", "mae"}
    for row, (lane, module) in enumerate(zip(lanes.seats, modules, strict=True)):
        stream = lane.stream
        plain_sgd(module, stream, data, twin, 0.05)
        for name, weight in lanes.rows.layout.views(lanes.rows.W).items():
            torch.testing.assert_close(
                weight[row], module.get_parameter(name).data, rtol=1e-6, atol=1e-6
            )
        held = stream.validation
        scale, shift = stream.scale.view(-1, 1, 1), stream.shift.view(-1, 1, 1)
        with torch.no_grad():
            outputs = module(data[0][held] * scale - shift)
        learned = data[1][held] * stream.y_scale - stream.y_shift
        assert float(judged.loss[row]) == pytest.approx(float(twin(outputs, learned)), rel=1e-5)
        error = (outputs[:, 0] + stream.y_shift) / stream.y_scale - data[1][held]
        rmse = float(error.square().mean().sqrt())
        assert float(judged.metrics["rmse"][row]) == pytest.approx(rmse, rel=1e-5)
        assert rmse > 1  # in the units of y, whose standard deviation is about 16


@ways
def test_weights_and_smoothing_are_learned_as_by_a_plain_loop(fused: bool) -> None:
    """PyTorch's own loss, whose mean is over samples."""
    data, weights = problem.data(), (1.0, 3.0, 0.2)
    config = TrialConfig(optimizer=SGD(lr=0.1))
    lanes = seat(config, data, problem.CLASSES, fused, label_smoothing=0.2, class_weights=weights)
    modules = [problem.module_in(lanes, row) for row in range(2)]
    for _ in range(EPOCHS):
        lanes.train_epoch()

    def loss(outputs: Tensor, y: Tensor) -> Tensor:
        weight = torch.tensor(weights, dtype=outputs.dtype)
        return F.cross_entropy(outputs, y, weight, reduction="none", label_smoothing=0.2).mean()

    for row, (lane, module) in enumerate(zip(lanes.seats, modules, strict=True)):
        plain_sgd(module, lane.stream, data, loss, 0.1)
        for name, weight in lanes.rows.layout.views(lanes.rows.W).items():
            torch.testing.assert_close(
                weight[row], module.get_parameter(name).data, rtol=1e-6, atol=1e-7
            )


@ways
def test_a_snapshot_of_numbers_is_the_mean_of_its_batches(fused: bool) -> None:
    """At the snapshot SVRG's first step is one of the whole gradient, which knows the scale of the
    targets as the steps do: two lanes of one stream differ in nothing."""
    data = numbers()
    svrg = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=0.05))
    lanes = seat(svrg, data, 1, fused)
    start = lanes.rows.W.clone()
    seen: list[Tensor] = []
    lanes.train_epoch(lambda: seen.append(lanes.rows.W.clone()))
    first = next(W for W in seen if not torch.equal(W, start))
    module = OneOutput().double()
    for row, lane in enumerate(lanes.seats):
        stream = lane.stream
        views = lanes.rows.layout.views(start)
        module.load_state_dict({name: view[row] for name, view in views.items()})
        scale, shift = stream.scale.view(-1, 1, 1), stream.shift.view(-1, 1, 1)
        learned = data[1][stream.train] * stream.y_scale - stream.y_shift
        outputs = module(data[0][stream.train] * scale - shift)
        grads = torch.autograd.grad(F.mse_loss(outputs[:, 0], learned), [*module.parameters()])
        whole = torch.cat([g.flatten() for g in grads])
        torch.testing.assert_close(first[row], start[row] - 0.05 * whole, rtol=1e-6, atol=1e-6)
