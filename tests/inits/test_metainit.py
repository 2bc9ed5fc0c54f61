"""MetaInit: lowers the gradient quotient, equals a slow loop, and leaves everything else alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import pytest
import torch
from reference import metainit as slow
from reference import nets
from torch import Tensor, nn

from vrtune import SGD, MetaInit, TrialConfig
from vrtune.inits.smooth import SmoothNorms
from vrtune.lanes import Lanes
from vrtune.lanes.keys import generator
from vrtune.models.lenet import LeNet
from vrtune.testing import problem

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def config(**fields: float) -> TrialConfig:
    return TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(**fields))


PLAIN = TrialConfig(optimizer=SGD(lr=0.1))


def quotient(lanes: Lanes, row: int, shape: tuple[int, ...]) -> float:
    """Mean of the slow loop's GQ over five batches of noise that MetaInit has not seen."""
    module, random = problem.module_in(lanes, row), torch.Generator().manual_seed(99)
    values = []
    for _ in range(5):
        x = torch.randn(16, *shape, generator=random).to(lanes.rows.W)
        y = torch.randint(4, (16,), generator=random)
        values.append(float(slow.gradient_quotient(module, (x, y), 1e-5).detach()))
    return sum(values) / len(values)


@pytest.mark.parametrize("activation", [nn.Tanh, nn.ReLU])
def test_lowers_the_gradient_quotient_of_a_badly_scaled_net(activation: type[nn.Module]) -> None:
    """Signed steps on noise jump about, so the median of six lanes is judged."""

    def make() -> nn.Module:
        return nets.badly_scaled(activation)

    configs = [PLAIN] * 6 + [config(steps=60, momentum=0.5)] * 6
    lanes = nets.seat(make, configs, fused=True, streams=6)
    shape = (1, 4, 4)
    ratios = [quotient(lanes, row + 6, shape) / quotient(lanes, row, shape) for row in range(6)]
    assert statistics.median(ratios) < 0.6


def test_lowers_the_gradient_quotient_of_lenet() -> None:
    """As users meet it: no norm, single precision, the default settings but for the steps."""

    def make() -> nn.Module:
        return LeNet((1, 12, 12), 4, "none")

    shape = (1, 12, 12)
    lanes = nets.seat(make, [PLAIN] * 3 + [config(steps=15)] * 3, shape, streams=3)
    for row in range(3):
        assert quotient(lanes, row + 3, shape) < 0.9 * quotient(lanes, row, shape)


def probe_of(lanes: Lanes, row: int, batch_size: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    """The noise of each step, drawn here from its name."""
    x, y = lanes.data
    stream = lanes.seats[row].stream

    def probe(step: int) -> tuple[Tensor, Tensor]:
        random = generator(*stream.key(step, "noise"))
        noise = torch.randn(batch_size, *x.shape[1:], generator=random)
        labels = torch.randint(int(y.max()) + 1, (batch_size,), generator=random)
        return noise.to(lanes.rows.W.dtype), labels

    return probe


# 1e-7: a signed step is the same or not at all; what is left is rounding in double precision.
@ways
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_equals_the_slow_loop(norm: str, fused: bool) -> None:
    """Lanes with different settings at once; each stops after its own number of steps."""
    fields = [
        {"lr": 0.1, "momentum": 0.9, "steps": 4, "epsilon": 1e-5},
        {"lr": 0.02, "momentum": 0.5, "steps": 2, "epsilon": 1e-4},
        {"lr": 0.05, "momentum": 0.0, "steps": 3, "epsilon": 1e-3},
    ]
    untouched = problem.seat([PLAIN] * 3, norm, fused=fused)
    lanes = problem.seat([config(**f) for f in fields], norm, fused=fused)
    for row, settings in enumerate(fields):
        module = problem.module_in(untouched, row)
        with SmoothNorms():
            slow.start(module, probe_of(lanes, row, problem.BATCH_SIZE), **settings)
        expected = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
        assert (expected - untouched.rows.W[row]).norm() > 0.01
        torch.testing.assert_close(lanes.rows.W[row], expected, rtol=1e-7, atol=1e-9)


@ways
@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_leaves_vectors_and_buffers_alone(norm: str, fused: bool) -> None:
    """Biases and norm layers' parameters; running statistics bit for bit."""
    before = problem.seat([PLAIN] * 2, norm, fused=fused).rows
    after = problem.seat([config(steps=3)] * 2, norm, fused=fused).rows
    assert (len(before.buffers) == 6) is (norm == "batch")
    for name, b in before.buffers.items():
        assert torch.equal(b, after.buffers[name]), name
    for (name, old), new in zip(
        before.layout.views(before.W).items(), after.layout.views(after.W).values(), strict=True
    ):
        if old.dim() > 2:  # the lane is a dimension
            ratio = (new / old).flatten(1)
            assert (ratio[:, 0] != 1).all(), name
            spread = ratio.amax(1) - ratio.amin(1)
            assert spread.max() < 1e-12, f"{name} is scaled as a whole"
        else:
            assert torch.equal(old, new), name


def test_fused_equals_looped() -> None:
    configs = [config(steps=3), config(steps=2, lr=0.01)]
    for norm in ("none", "batch", "layer"):
        W = [problem.seat(configs, norm, fused=fused).rows.W for fused in (False, True)]
        torch.testing.assert_close(W[0], W[1], rtol=1e-8, atol=1e-10)


@ways
def test_a_norm_stays_positive_and_large_enough_to_grow_again(fused: bool) -> None:
    """With steps far larger than the norm; a thousandth of the first norm is kept."""
    lanes = problem.seat([config(lr=50.0, steps=steps) for steps in (1, 2, 5)], fused=fused)
    starts = problem.seat([PLAIN] * 3)
    before, after = (some.rows.layout.views(some.rows.W) for some in (starts, lanes))
    lowest = math.inf
    for name, view in after.items():
        assert torch.equal(view.sign(), before[name].sign()), name
        share = view.flatten(1).norm(dim=1) / before[name].flatten(1).norm(dim=1)
        assert share.min() > 0.999e-3, name
        lowest = min(lowest, float(share.min()))
    assert lowest < 1.001e-3, "or nothing was put to the test"


def test_no_tensor_dies_in_single_precision() -> None:
    """A norm that runs down for many steps must not underflow: zeros can never grow again."""

    def make() -> nn.Module:
        return nets.badly_scaled(nn.Tanh, gain=1.0).float()

    lanes = nets.seat(make, [config(steps=60)] * 4, fused=True, streams=4)
    for name, view in lanes.rows.layout.views(lanes.rows.W).items():
        assert (view.flatten(1).norm(dim=1) > 1e-3).all(), name


def test_a_tensor_of_zeros_stays_as_it_is() -> None:
    def make() -> nn.Module:
        net = nets.badly_scaled(nn.Tanh, depth=2, gain=1.0)
        nn.init.zeros_(net[3].weight)
        return net

    lanes = nets.seat(make, [config(steps=2)])
    views = lanes.rows.layout.views(lanes.rows.W)
    assert (views["3.weight"] == 0).all()
    assert lanes.rows.W.isfinite().all()


def test_module_is_left_ready_to_train() -> None:
    """After MetaInit, training runs as it would from the same weights without it."""
    lanes = problem.seat([config(steps=2)] * 2, "batch")
    other = problem.seat([PLAIN] * 2, "batch")
    other.rows.W.copy_(lanes.rows.W)
    lanes.train_epoch()
    other.train_epoch()
    assert torch.equal(lanes.rows.W, other.rows.W)
