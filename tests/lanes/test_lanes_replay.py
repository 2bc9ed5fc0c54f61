"""A step that is replayed as a CUDA graph replays it trains as one that is run."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import PROGRAMS, configs
from reference import problem
from reference.tape import TapedReplay

from vrtune.lanes import Lanes

each_program = pytest.mark.parametrize(("estimator", "optimizer"), PROGRAMS)
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def run(estimator: str, optimizer: str, fused: bool) -> tuple[torch.Tensor, Lanes]:
    """Two epochs, a refill in a stream of its own, two more; the training losses and the lanes."""
    settings = configs(estimator, optimizer, 3)
    lanes = problem.seat(settings, "batch", fused=fused)
    losses = [lanes.train_epoch() for _ in range(2)]
    lanes.refill([1, 2], [problem.lane(settings[0], 2), problem.lane(settings[1], 5)])
    losses += [lanes.train_epoch() for _ in range(2)]
    return torch.stack(losses), lanes


@ways
@each_program
def test_a_replayed_step_trains_as_a_run_one(
    estimator: str, optimizer: str, fused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken from Python after the capture, and nothing moves in memory."""
    wanted, ordinary = run(estimator, optimizer, fused)
    TapedReplay.made = []
    monkeypatch.setattr("vrtune.lanes.step.Replay", TapedReplay)
    losses, lanes = run(estimator, optimizer, fused)
    assert sum(replay.runs > 2 for replay in TapedReplay.made) >= 2, "both widths were replayed"
    # the tape runs the same operations in the same order
    torch.testing.assert_close(losses, wanted, rtol=1e-12, atol=0)
    torch.testing.assert_close(lanes.rows.W, ordinary.rows.W, rtol=1e-12, atol=1e-15)
    for group, other in zip(lanes.rows.groups(), ordinary.rows.groups(), strict=True):
        torch.testing.assert_close(group, other, rtol=1e-12, atol=1e-15)


@ways
@each_program
def test_a_refill_moves_nothing(estimator: str, optimizer: str, fused: bool) -> None:
    """A captured graph reads and writes by address."""
    settings = configs(estimator, optimizer, 3)
    lanes = problem.seat(settings, "batch", fused=fused)

    def addresses() -> list[int]:
        tensors = [lanes.rows.W, lanes.batches.scale, lanes.batches.shift]
        tensors += [t for group in lanes.rows.groups() for t in group.values()]
        return [t.data_ptr() for t in tensors]

    lanes.train_epoch()
    before, steps = addresses(), dict(lanes._steps)
    lanes.refill([0, 2], [problem.lane(settings[1], 3), problem.lane(settings[2], 4)])
    lanes.train_epoch()
    assert addresses() == before
    assert lanes._steps == steps
