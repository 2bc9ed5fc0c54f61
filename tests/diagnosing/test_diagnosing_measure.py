"""Measuring the variance of an estimate: against slow loops, and without a trace."""

from __future__ import annotations

from statistics import fmean

import pytest
import torch
from contracts.settings import PROGRAMS, configs
from reference import metainit
from reference.gradients import gradient_at
from torch import Tensor

from vrtune import SCSG, SGD, STORM, SVRG, AlphaSVRG, Plain, TrialConfig
from vrtune.diagnosing.measure import NOISE_BATCHES, measure, quotient
from vrtune.lanes import Lanes
from vrtune.lanes.initialise import noise
from vrtune.testing import problem
from vrtune.units import EstimatorSettings

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def seat(estimator: EstimatorSettings, *, lr: float = 0.2, fused: bool = False) -> Lanes:
    settings = SGD() if estimator.sets_step_size else SGD(lr=lr)
    config = TrialConfig(estimator=estimator, optimizer=settings)
    return problem.seat([config, config], "batch", fused=fused)


def flat(vector: list[Tensor]) -> Tensor:
    return torch.cat([v.flatten() for v in vector])


def variance(vectors: list[Tensor]) -> float:
    """Unbiased, summed over coordinates."""
    return float(torch.stack(vectors).var(0).sum())


@ways
def test_variances_of_svrg_by_hand(fused: bool) -> None:
    """After an epoch, which is 5 batches of which the last is short."""
    lanes = seat(SVRG(snapshot_period=3), fused=fused)
    start = [problem.module_in(lanes, row) for row in range(2)]
    lanes.train_epoch()
    found = measure(lanes)
    for row in range(2):
        module, stream = problem.module_in(lanes, row), lanes.seats[row].stream
        batches = problem.batches(stream, 0, 0)
        at, snapshot = ([p.detach() for p in m.parameters()] for m in (module, start[row]))
        g = [flat(gradient_at(module, at, batch)) for batch in batches]
        g_snapshot = [flat(gradient_at(module, snapshot, batch)) for batch in batches]
        sizes = torch.tensor([len(y) for _, y in batches], dtype=torch.float64)
        share = (sizes / sizes.sum())[:, None]
        whole, mu = (share * torch.stack(g)).sum(0), (share * torch.stack(g_snapshot)).sum(0)
        d = [a - b + mu for a, b in zip(g, g_snapshot, strict=True)]
        full = [i for i, size in enumerate(sizes) if size == problem.BATCH_SIZE]
        assert len(full) == len(batches) - 1
        distance = (flat(at) - flat(snapshot)).norm()
        assert distance > 0.01
        wanted = {
            "variance": variance([d[i] for i in full]),
            "gradient_variance": variance([g[i] for i in full]),
            "gradient_norm": whole.norm(),
            "distance": distance,
            "curvature": (whole - mu).norm() / distance,
        }
        for name, value in wanted.items():
            assert float(getattr(found, name)[row]) == pytest.approx(float(value), rel=1e-9)


@ways
@pytest.mark.parametrize("alpha", [1.0, 0.5, 0.0])
def test_ratio_at_the_snapshot(alpha: float, fused: bool) -> None:
    """(1 - alpha)^2: nothing is left with SVRG, everything without a correction."""
    lanes = seat(AlphaSVRG(alpha=alpha, decay=False), lr=1e-100, fused=fused)
    lanes.train_epoch()
    found = measure(lanes)
    ratio = found.variance / found.gradient_variance
    torch.testing.assert_close(
        ratio, torch.full_like(ratio, (1 - alpha) ** 2), rtol=1e-9, atol=1e-20
    )


def test_plain_gradients_have_their_own_variance_and_no_snapshot() -> None:
    lanes = seat(Plain())
    lanes.train_epoch()
    found = measure(lanes)
    assert torch.equal(found.variance, found.gradient_variance)
    assert found.distance is None
    assert found.curvature is None


def test_before_a_late_start_the_estimate_is_plain() -> None:
    lanes = seat(SVRG(start_epoch=1))
    lanes.train_epoch()
    lanes.seats = [lane for lane in lanes.seats if not setattr(lane, "epoch", 0)]
    found = measure(lanes)
    assert torch.equal(found.variance, found.gradient_variance)


@ways
@pytest.mark.parametrize(("estimator", "optimizer"), PROGRAMS)
def test_measuring_leaves_no_trace(estimator: str, optimizer: str, fused: bool) -> None:
    """Between all steps of two epochs; bit for bit."""
    settings = configs(estimator, optimizer, 2)
    watched, alone = (problem.seat(settings, "batch", fused=fused) for _ in range(2))
    for _ in range(2):
        watched.train_epoch(lambda: watched.steps_done and measure(watched) and None)
        alone.train_epoch()
    assert torch.equal(watched.rows.W, alone.rows.W)
    for mine, others in zip(watched.rows.groups(), alone.rows.groups(), strict=True):
        for name, value in mine.items():
            assert torch.equal(value, others[name]), name


def test_storm_reduces_variance_once_it_has_memory() -> None:
    """With a = c eta^2 small, most of the direction is shared by all batches."""
    lanes = seat(STORM(k=0.01, w=1.0, c=1.0))
    lanes.train_epoch()
    lanes.train_epoch()
    found = measure(lanes)
    assert bool((found.variance < 0.1 * found.gradient_variance).all())


def test_quotient_is_that_of_the_slow_loop() -> None:
    lanes = seat(Plain())
    found = quotient(lanes)
    for row, lane in enumerate(lanes.seats):
        module = problem.module_in(lanes, row).train()
        values = []
        for step in range(NOISE_BATCHES):
            x, y = noise(lanes, [0], [lane.stream], -1 - step)
            values.append(float(metainit.gradient_quotient(module, (x[0], y[0]), 1e-5).detach()))
        # it divides by gradients as small as epsilon, which magnifies rounding
        assert float(found[row]) == pytest.approx(fmean(values), rel=1e-5)


def test_a_mega_batch_has_no_curvature() -> None:
    """Its mu~ is the gradient of a few batches: compared with a whole one it is mostly noise."""
    lanes = seat(SCSG(mega_batch=2))
    lanes.train_epoch()
    found = measure(lanes)
    assert found.curvature is None
    assert found.distance is not None
