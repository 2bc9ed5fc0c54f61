"""Transform locking: a sample keeps its view from a snapshot to the next."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor

from vrtune import SCSG, SGD, STORM, SVRG, Plain, TrialConfig
from vrtune.lanes import Lanes
from vrtune.lanes.rows import Program
from vrtune.testing import problem
from vrtune.testing.spy import watch
from vrtune.units import EstimatorSettings

STILL = 1e-100  # a step size that leaves the weights where they are, bit for bit
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def augmented(
    estimator: EstimatorSettings, lock: bool = True, *, fused: bool = False, lr: float = STILL
) -> Lanes:
    """Two lanes on random views."""
    lr_ = None if estimator.sets_step_size else lr
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=lr_))
    lanes = Lanes(
        problem.make("none"),
        problem.data(),
        problem.BATCH_SIZE,
        Program.of(config),
        fused=fused,
        augment=True,
        lock_transforms=lock,
    )
    lanes.append([problem.lane(config, i) for i in range(2)])
    return lanes


def spread(lanes: Lanes, epochs: int) -> list[float]:
    """The variance of the estimate over each epoch's steps, at weights that stand still."""
    seen = watch(lanes)
    out = []
    for _ in range(epochs):
        seen.clear()
        lanes.train_epoch()
        d = torch.stack([step.d for step in seen])
        out.append(float((d - d.mean(0)).square().sum(2).mean()))
    return out


@ways
def test_no_variance_at_the_snapshot_with_locking_and_some_without(fused: bool) -> None:
    """In all epochs until the next snapshot."""
    locked = spread(augmented(SVRG(snapshot_period=3), True, fused=fused), 3)
    loose = spread(augmented(SVRG(snapshot_period=3), False, fused=fused), 3)
    plain = spread(augmented(Plain(), fused=fused), 1)
    assert max(locked) < 1e-20
    assert min(loose) > 1e-2 * plain[0]


@ways
def test_a_mega_batch_has_none_either(fused: bool) -> None:
    seen = watch(lanes := augmented(SCSG(mega_batch=2), fused=fused))
    lanes.train_epoch()
    for a, b in ((0, 1), (2, 3)):  # both steps of a mega-batch
        torch.testing.assert_close(seen[a].d, seen[b].d, rtol=1e-10, atol=1e-12)


def views(lanes: Lanes, epochs: int) -> list[Tensor]:
    """What row 0 saw of each sample in every epoch, the samples in order."""
    out = []
    for _ in range(epochs):
        lanes.train_epoch()
        out.append(lanes.batches.order[0].sort().values)  # by sample, then by view
    return out


@pytest.mark.parametrize(
    ("estimator", "lock", "kept"),
    [
        (Plain(), True, [False, False, False]),
        (STORM(), True, [False, False, False]),
        (SVRG(snapshot_period=2), True, [True, False, True]),
        (SVRG(snapshot_period=2), False, [False, False, False]),
        (SVRG(snapshot_period=2, start_epoch=1), True, [False, True, False]),
        (SCSG(), True, [False, False, False]),  # a snapshot is used up within its epoch
    ],
    ids=["plain", "storm", "svrg", "svrg off", "svrg late", "scsg"],
)
def test_which_epochs_share_their_views(
    estimator: EstimatorSettings, lock: bool, kept: list[bool]
) -> None:
    """kept[e]: epoch e + 1 shows the samples as epoch e did."""
    seen = views(augmented(estimator, lock), 4)
    assert [torch.equal(a, b) for a, b in itertools.pairwise(seen)] == kept


def test_validation_is_not_augmented() -> None:
    lanes, still = augmented(Plain()), augmented(Plain())
    lanes.train_epoch()
    torch.testing.assert_close(lanes.validate(), still.validate(), rtol=0, atol=0)


@pytest.mark.parametrize("lock", [True, False])
def test_fused_equals_looped_on_random_views(lock: bool) -> None:
    both = [augmented(SVRG(), lock, fused=fused, lr=0.1) for fused in (False, True)]
    losses = [torch.stack([lanes.train_epoch() for _ in range(2)]) for lanes in both]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=0)
