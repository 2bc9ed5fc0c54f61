"""Who sees what when: batch shapes, orders, partitions, and random numbers by name."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from vrtune import SGD, STORM, SVRG, Plain, TrialConfig
from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.batches import bounds, epoch_order
from vrtune.lanes.keys import key
from vrtune.lanes.rows import Program
from vrtune.units import EstimatorSettings

TRAIN, BATCHES = 42, 9  # eight of 5, the last of 2


@pytest.mark.parametrize(
    ("n", "batch_size", "expected"),
    [
        (6, 3, [(0, 3), (3, 6)]),
        (8, 3, [(0, 3), (3, 6), (6, 8)]),
        (7, 3, [(0, 3), (3, 7)]),
        (4, 3, [(0, 4)]),
        (3, 3, [(0, 3)]),
        (2, 3, [(0, 2)]),
        (1, 3, [(0, 1)]),
        (3, 1, [(0, 1), (1, 2), (2, 3)]),
    ],
    ids=lambda v: str(v) if isinstance(v, int) else "",
)
def test_bounds(n: int, batch_size: int, expected: list[tuple[int, int]]) -> None:
    """A last batch may be short; a single left-over sample joins the batch before."""
    assert bounds(n, batch_size) == expected


@pytest.mark.parametrize("n", [1, 4, 5, 6, 15, 16, 17, 21])
def test_every_order_is_a_permutation_and_keeps_the_batches(n: int) -> None:
    first = epoch_order((1, "fold 0"), n, 5, 2, 2)
    batches = {frozenset(first[a:b].tolist()) for a, b in bounds(n, 5)}
    for epoch in (3, 4):
        later = epoch_order((1, "fold 0"), n, 5, 2, epoch)
        assert sorted(later.tolist()) == list(range(n))
        assert {frozenset(later[a:b].tolist()) for a, b in bounds(n, 5)} == batches


def test_batches_are_visited_in_a_new_order_each_epoch() -> None:
    orders = {tuple(epoch_order((1, "x"), 40, 4, 0, epoch).tolist()) for epoch in range(4)}
    assert len(orders) == 4


def test_orders_depend_on_every_part_of_their_name() -> None:
    base = epoch_order((1, "fold 0"), 40, 4, 0, 0).tolist()
    assert epoch_order((1, "fold 0"), 40, 4, 0, 0).tolist() == base
    for other in (
        epoch_order((2, "fold 0"), 40, 4, 0, 0),
        epoch_order((1, "fold 1"), 40, 4, 0, 0),
        epoch_order((1, "fold 0"), 40, 4, 1, 1),
    ):
        assert other.tolist() != base


def test_keys_are_what_they_were() -> None:
    """A search can be repeated with a later version only if these numbers never change."""
    assert key(1, "fold 0", 3, "order") == 3303790726782022947
    assert key(1, 23) != key(12, 3)
    assert key("1") != key(1)


# ---- what lanes are fed ------------------------------------------------------------------------


def counting_lanes(estimator: EstimatorSettings, fused: bool = False) -> tuple[Lanes, list]:
    """Lanes on images that show their own index, and a list of (row's samples, pass) they saw."""
    x = torch.arange(50.0)[:, None, None, None].expand(50, 1, 2, 2).double()
    y = torch.arange(50) % 3

    def make() -> torch.nn.Module:
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(4, 3)).double()

    lr = None if estimator.sets_step_size else 1e-3
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=lr))
    one, zero = torch.ones(1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    nothing = torch.empty(0, dtype=torch.long)
    streams = [
        Stream(f"fold {k}", 1, torch.arange(k, k + TRAIN), nothing, one, zero) for k in range(2)
    ]
    lanes = Lanes(make, (x, y), 5, Program.of(config), fused=fused)
    lanes.append([Lane(0, config, stream) for stream in streams])
    seen: list[tuple[list[list[int]], Tensor]] = []
    gradient: Callable[..., tuple[Tensor, Tensor]] = lanes.oracle.gradient

    def watched(W: Tensor, buffers: dict, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        index = x[:, :, 0, 0, 0].long()
        assert torch.equal(index % 3, y), "labels stay with their images"
        seen.append((index.tolist(), W.clone()))
        return gradient(W, buffers, x, y)

    lanes.oracle.gradient = watched
    return lanes, seen


def passes(seen: list, row: int) -> list[list[frozenset[int]]]:
    """What a row saw, cut into passes over its training part."""
    batches = [frozenset(index[row]) for index, _ in seen]
    return [batches[i : i + BATCHES] for i in range(0, len(batches), BATCHES)]


def test_plain_sees_every_training_sample_once_an_epoch() -> None:
    lanes, seen = counting_lanes(Plain())
    for _ in range(3):
        lanes.train_epoch()
    for row in range(2):
        of_row = passes(seen, row)
        assert len(of_row) == 3
        for epoch in of_row:
            samples = [i for batch in epoch for i in batch]
            assert sorted(samples) == list(range(row, row + TRAIN))
        assert len({frozenset(epoch) for epoch in of_row}) == 3, "a new partition each epoch"


def test_storm_takes_both_gradients_on_the_same_batch() -> None:
    lanes, seen = counting_lanes(STORM())
    lanes.train_epoch()
    assert [index for index, _ in seen[0::2]] == [index for index, _ in seen[1::2]]
    samples = [i for index, _ in seen[0::2] for i in index[0]]
    assert sorted(samples) == list(range(TRAIN))


def test_svrg_holds_its_batches_from_a_snapshot_to_the_next() -> None:
    """The snapshot pass and both gradients of every step until the next snapshot."""
    lanes, seen = counting_lanes(SVRG(snapshot_period=2))
    partitions, visits = [], []
    for epoch in range(4):
        seen.clear()
        lanes.train_epoch()
        snapshot, steps = (seen[:BATCHES], seen[BATCHES:]) if epoch % 2 == 0 else ([], seen)
        for row in range(2):
            own, off = passes(steps[0::2], row), passes(steps[1::2], row)
            assert own == off
            assert len(own) == 1
            samples = [i for batch in own[0] for i in batch]
            assert sorted(samples) == list(range(row, row + TRAIN))
            if snapshot:
                assert set(passes(snapshot, row)[0]) == set(own[0])
            if row == 0:
                partitions.append(frozenset(own[0]))
                visits.append(own[0])
    assert partitions[0] == partitions[1]
    assert visits[0] != visits[1], "visited in another order"
    assert partitions[2] == partitions[3]
    assert partitions[0] != partitions[2]


def test_periods_of_lanes_do_not_disturb_each_other() -> None:
    """A lane's batches are the same beside lanes that take snapshots at other times."""
    alone, seen_alone = counting_lanes(SVRG(snapshot_period=3))
    for _ in range(4):
        alone.train_epoch()
    amid, seen_amid = counting_lanes(SVRG(snapshot_period=3))
    config = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=1e-3))
    amid.append([Lane(1, config, amid.seats[0].stream)])
    for _ in range(4):
        amid.train_epoch()
    snapshots = {0: 3, 1: 1, 2: 1, 3: 3}  # lanes that are due in each epoch
    mixed = [index for index, _ in seen_amid]
    at = 0
    kept = []
    for epoch in range(4):
        if snapshots[epoch] == 3:
            kept += [index[:2] for index in mixed[at : at + BATCHES]]
        at += BATCHES
        kept += [index[:2] for index in mixed[at : at + 2 * BATCHES]]
        at += 2 * BATCHES
    assert kept == [index for index, _ in seen_alone]
