"""What training reports: losses, gradient computations; and that ill lanes stay alone."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from contracts.settings import configs

from vrtune import SGD, SVRG, Adam, MetaInit, TrialConfig
from vrtune.estimators import ESTIMATORS
from vrtune.lanes import Lane, Stream
from vrtune.lanes.rows import Program
from vrtune.testing import lanes as contracts
from vrtune.testing import problem

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
BATCHES = 5  # 23 samples: four of 5 and one of 3


@pytest.mark.parametrize(
    ("estimator", "after_each_epoch"),
    [
        ("plain", [BATCHES, 2 * BATCHES, 3 * BATCHES]),
        ("svrg", [3 * BATCHES, 5 * BATCHES, 8 * BATCHES]),  # a snapshot every other epoch
        ("storm", [2 * BATCHES, 4 * BATCHES, 6 * BATCHES]),
        ("scsg", [3 * BATCHES, 6 * BATCHES, 9 * BATCHES]),  # every batch is in one snapshot
        ("alpha_svrg", [3 * BATCHES, 5 * BATCHES, 8 * BATCHES]),
        ("mars", [2 * BATCHES, 4 * BATCHES, 6 * BATCHES]),
        ("mars_approximate", [BATCHES, 2 * BATCHES, 3 * BATCHES]),
    ],
)
def test_gradient_computations(estimator: str, after_each_epoch: list[int]) -> None:
    lanes = problem.seat(configs(estimator, "sgd", 1))
    spent = []
    for _ in range(3):
        lanes.train_epoch()
        spent.append(lanes.seats[0].gradient_computations)
    assert spent == after_each_epoch


def test_metainit_is_paid_for() -> None:
    """Three backward passes a step, also in a row that is refilled."""
    with_steps = [
        TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=steps)) for steps in (2, 4)
    ]
    lanes = problem.seat([*with_steps, TrialConfig(optimizer=SGD(lr=0.1))])
    assert [lane.gradient_computations for lane in lanes.seats] == [6, 12, 0]
    lanes.train_epoch()
    lanes.refill([2], [problem.lane(with_steps[0], 2)])
    assert [lane.gradient_computations for lane in lanes.seats] == [6 + BATCHES, 12 + BATCHES, 6]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_what_is_counted_is_what_is_computed(estimator: str) -> None:
    """Lanes of different snapshot periods count their own gradients only."""
    contracts.counted_equals_computed(configs(estimator, "sgd", 3))


@ways
def test_training_loss_is_the_mean_over_samples(fused: bool) -> None:
    """Of the losses before each step; with a step size of nothing, of the weights as they are."""
    lanes = problem.seat([TrialConfig(optimizer=SGD(lr=1e-100))] * 2, fused=fused)
    losses = lanes.train_epoch()
    x, y = problem.data()
    for row, lane in enumerate(lanes.seats):
        stream, module = lane.stream, problem.module_in(lanes, row)
        scale, shift = stream.scale.view(1, 2, 1, 1), stream.shift.view(1, 2, 1, 1)
        seen = x[stream.train] * scale - shift
        expected = F.cross_entropy(module(seen), y[stream.train]).detach()
        assert float(losses[row]) == pytest.approx(float(expected), rel=1e-12)


@ways
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_validation_equals_a_plain_loop(norm: str, fused: bool, monkeypatch) -> None:
    """Sample by sample in eval mode, the normalisation that of the lane's own training part."""
    monkeypatch.setattr("vrtune.lanes.evaluate.BATCH_BYTES", 4 * 3 * 72 * 2)  # chunks of 2 of 7
    lanes = problem.seat(configs("plain", "adam", 3), norm, fused=fused)
    for _ in range(2):
        lanes.train_epoch()
    before = {name: b.clone() for name, b in lanes.rows.buffers.items()}
    loss, metrics = lanes.validate()
    accuracy = metrics["accuracy"]
    x, y = problem.data()
    for row, lane in enumerate(lanes.seats):
        module = problem.module_in(lanes, row).eval()
        losses, hits = [], 0
        for i in lane.stream.validation:
            scale, shift = (v.view(2, 1, 1) for v in (lane.stream.scale, lane.stream.shift))
            logits = module((x[i] * scale - shift)[None]).detach()
            losses.append(float(F.cross_entropy(logits, y[i : i + 1])))
            hits += int(logits.argmax() == y[i])
        assert len(losses) == 7
        assert float(loss[row]) == pytest.approx(sum(losses) / 7, rel=1e-10)
        assert float(accuracy[row]) == hits / 7
    for name, b in lanes.rows.buffers.items():
        assert torch.equal(b, before[name]), "validation leaves the statistics alone"


@ways
def test_validation_does_not_touch_training(fused: bool) -> None:
    watched, plain = (problem.seat(configs("svrg", "adam"), "batch", fused=fused) for _ in "12")
    for _ in range(2):
        watched.validate()
        watched.train_epoch()
        watched.validate()
        plain.train_epoch()
    assert torch.equal(watched.rows.W, plain.rows.W)


@ways
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_nan_stays_in_its_lane(estimator: str, norm: str, fused: bool) -> None:
    """The others train as without it, and the row it leaves is good as new."""
    settings = configs(estimator, "adam", 3)
    healthy = problem.seat(settings, norm, fused=fused)
    lanes = problem.seat(settings, norm, fused=fused)
    lanes.rows.W[1] = math.nan
    for _ in range(2):
        healthy.train_epoch()
        losses = lanes.train_epoch()
    assert losses.isfinite().tolist() == [True, False, True]
    judged = lanes.validate()[0]
    assert judged.isfinite().tolist() == [True, False, True]
    for row in (0, 2):
        torch.testing.assert_close(lanes.rows.W[row], healthy.rows.W[row], rtol=1e-9, atol=1e-10)
    lanes.refill([1], [problem.lane(settings[1], 1)])
    for _ in range(2):
        lanes.train_epoch()
    torch.testing.assert_close(lanes.rows.W[1], healthy.rows.W[1], rtol=1e-9, atol=1e-10)


def test_diverging_lane_becomes_infinite_and_others_do_not() -> None:
    """By its own steps, in single precision, with all norms' worth of overflow."""
    settings = [TrialConfig(estimator=SVRG(), optimizer=SGD(lr=lr)) for lr in (0.1, 1e30, 0.1)]
    lanes = problem.seat(settings, names=["fold 0"])
    for _ in range(5):
        losses = lanes.train_epoch()
    assert torch.equal(lanes.rows.W[0], lanes.rows.W[2])
    assert float(losses[0]) < 1.2
    assert not float(losses[1]) < 1e6


def test_a_pixel_scale_of_bytes_is_the_streams_business() -> None:
    """uint8 images train as the same images in floating point would."""
    x, y = problem.data()
    images = ((x + 4) * 30).clamp(0, 255).to(torch.uint8)
    of = problem.stream("fold 0")
    scaled = Stream("fold 0", 1, of.train, of.validation, of.scale / 255, of.shift)
    config = TrialConfig(optimizer=Adam(lr=0.01))
    results = []
    for data, stream in (((images, y), scaled), ((images.double() / 255, y), of)):
        lanes = problem.Lanes(problem.make("none"), data, 5, Program.of(config), fused=True)
        lanes.append([Lane(0, config, stream)])
        results.append(float(lanes.train_epoch()))
    assert results[0] == pytest.approx(results[1], rel=1e-12)


def test_after_step_is_called_after_every_step_and_may_stop() -> None:
    """A search checks there whether it is to stop; snapshot passes count as steps."""
    lanes = problem.seat(configs("svrg", "sgd", 1))
    calls = []
    lanes.train_epoch(lambda: calls.append(1))
    assert len(calls) == 2 * BATCHES

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lanes.train_epoch(stop)
