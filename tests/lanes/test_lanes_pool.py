"""Trials in a pool: programs side by side, rows that change hands."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from vrtune import SGD, STORM, SVRG, Adam, MetaInit, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.gradients.fused import Fused
from vrtune.gradients.oracle import Oracle
from vrtune.lanes.pool import Pool, Standing
from vrtune.lanes.rows import Program
from vrtune.lanes.workspace import Workspace

CONFIGS = {
    "sgd": TrialConfig(optimizer=SGD(lr=0.1, momentum=0.9)),
    "slow": TrialConfig(optimizer=SGD(lr=0.01)),
    "adam": TrialConfig(optimizer=Adam(lr=0.01), init=MetaInit(steps=2)),
    "svrg": TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.1)),
    "storm": TrialConfig(estimator=STORM(k=0.2, c=10), optimizer=SGD()),
}

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(46, 1, 4, 4, generator=generator)
    y = torch.arange(46) % 2
    x[y == 1, :, :2] += 0.5
    dataset = Dataset("made", 2, Part(x, y), lambda: Part(x, y))
    task = Task(dataset="made", model="softmax", norm="batch", folds=2, batch_size=6)
    return Workspace(task, Path(), torch.device("cpu"), dataset)


def round_of(pool: Pool) -> dict[int, Standing]:
    """An epoch of everything in the pool."""
    return pool.validate(pool.train_epoch(lambda: None))


def alone(workspace: Workspace, name: str, epochs: int) -> list[Standing]:
    pool = Pool(workspace, workspace.folds, fused=False)
    pool.exchange([], {7: CONFIGS[name]})
    return [round_of(pool)[7] for _ in range(epochs)]


def agree(one: Standing, other: Standing) -> None:
    """Single precision, one epoch or a few of a convex problem."""
    assert one.epoch == other.epoch
    assert one.gradient_computations == other.gradient_computations
    assert one.train_losses == pytest.approx(other.train_losses, rel=1e-5)
    assert one.losses == pytest.approx(other.losses, rel=1e-5)
    assert one.accuracies == other.accuracies


@ways
def test_trials_come_and_go_and_every_one_trains_as_if_alone(
    workspace: Workspace, fused: bool
) -> None:
    """Different programs at once; rows refilled, given up and added."""
    pool = Pool(workspace, workspace.folds, fused=fused)
    pool.exchange([], {0: CONFIGS["sgd"], 1: CONFIGS["svrg"], 2: CONFIGS["storm"]})
    rounds = [round_of(pool)]
    assert list(rounds[0]) == [0, 1, 2]
    assert len(rounds[0][0].losses) == 2, "one entry a fold"
    rounds.append(round_of(pool))
    pool.exchange([0], {3: CONFIGS["adam"], 4: CONFIGS["slow"], 5: CONFIGS["sgd"]})
    rounds += [round_of(pool), round_of(pool)]
    assert sorted(rounds[3]) == [1, 2, 3, 4, 5]
    pool.exchange([1, 4], {6: CONFIGS["storm"]})
    rounds += [round_of(pool), round_of(pool)]
    assert sorted(rounds[5]) == [2, 3, 5, 6]
    assert set(pool.groups) == {Program.of(CONFIGS[name]) for name in ("storm", "adam", "sgd")}
    stays = {0: ("sgd", 0, 2), 1: ("svrg", 0, 4), 2: ("storm", 0, 6), 3: ("adam", 2, 6)}
    stays |= {4: ("slow", 2, 4), 5: ("sgd", 2, 6), 6: ("storm", 4, 6)}
    for trial, (name, start, stop) in stays.items():
        for mine, expected in zip(
            rounds[start:stop], alone(workspace, name, stop - start), strict=True
        ):
            agree(mine[trial], expected)


@ways
def test_trials_are_judged_when_they_are_due(workspace: Workspace, fused: bool) -> None:
    """Beside others that are not: as if all had been."""
    pool = Pool(workspace, workspace.folds, fused=fused)
    pool.exchange([], {0: CONFIGS["sgd"], 1: CONFIGS["svrg"]})
    round_of(pool)
    pool.exchange([], {2: CONFIGS["slow"], 3: CONFIGS["svrg"]})
    losses = pool.train_epoch(lambda: None)
    every, due = pool.validate(losses), pool.validate(losses, {2})
    for trial in (0, 1):
        agree(due[trial], every[trial])
    for trial in (2, 3):
        assert due[trial].losses == due[trial].accuracies == []
        assert due[trial].train_losses == losses[trial]
    none = pool.validate(losses | {3: [0.1, math.nan]}, {9})
    assert [len(none[trial].losses) for trial in range(4)] == [0, 0, 0, 2]
    assert none[3].losses == pytest.approx(every[3].losses, rel=1e-5)
    lanes = pool.groups[Program.of(CONFIGS["sgd"])]
    lanes.rows.W[[lane.trial for lane in lanes.seats].index(2), 0] = math.inf
    assert [len(pool.validate(losses, {9})[trial].losses) for trial in range(4)] == [0, 0, 2, 0]


def test_an_emptied_pool_can_be_filled_again(workspace: Workspace) -> None:
    pool = Pool(workspace, workspace.folds, fused=False)
    pool.exchange([], {0: CONFIGS["svrg"]})
    round_of(pool)
    pool.exchange([0], {})
    assert pool.groups == {}
    assert round_of(pool) == {}
    pool.exchange([], {1: CONFIGS["svrg"]})
    agree(round_of(pool)[1], alone(workspace, "svrg", 1)[0])


def test_gradient_computations_are_those_of_all_folds(workspace: Workspace) -> None:
    pool = Pool(workspace, workspace.folds, fused=False)
    pool.exchange([], {0: CONFIGS["svrg"], 1: CONFIGS["adam"]})
    progress = round_of(pool)
    batches = 4  # 23 samples by 6
    assert progress[0].gradient_computations == 2 * 3 * batches
    assert progress[1].gradient_computations == 2 * (batches + 3 * 2)


@ways
def test_threads_that_come_and_go_change_no_value(workspace: Workspace, fused: bool) -> None:
    """Four lanes: two trials of two folds, so that two threads have two lanes each."""

    def trained(shares: tuple[int, ...]) -> dict[int, Standing]:
        pool = Pool(workspace, workspace.folds, fused=fused)
        pool.exchange([], {0: CONFIGS["svrg"], 1: CONFIGS["svrg"]})
        for threads in shares:
            pool.use_threads(threads)
            (lanes,) = pool.groups.values()
            # fused lanes without convolutions are not worth threads
            assert len(lanes.oracle.modules) == (1 if fused else threads)
            found = round_of(pool)
        pool.use_threads(1)
        return found

    assert trained((1, 3, 2)) == trained((1, 1, 1))  # bit for bit


@ways
@pytest.mark.parametrize("most", [1, 2, 3])
def test_fewer_lanes_at_once_change_no_value(workspace: Workspace, fused: bool, most: int) -> None:
    """Both programs have four rows; MetaInit, snapshots and two gradients a step among them."""
    configs = {0: "svrg", 1: "svrg", 2: "adam", 3: "adam"}

    def trained(most: int | None) -> list[dict[int, Standing]]:
        pool = Pool(workspace, workspace.folds, fused=fused, most=most)
        pool.exchange([], {trial: CONFIGS[name] for trial, name in configs.items()})
        return [round_of(pool), round_of(pool)]

    for some, every in zip(trained(most), trained(None), strict=True):
        for trial in configs:
            agree(some[trial], every[trial])


def test_so_many_rows_are_computed_at_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of gradients, of outputs and of inits."""
    seen: dict[str, set[int]] = {}
    for name in ("gradient", "logits", "losses"):
        usual = getattr(Oracle, name) if name != "losses" else Fused.losses

        def counted(self: Any, W: Any, *rest: Any, name: str = name, usual: Any = usual) -> Any:
            seen.setdefault(name, set()).add(len(W[0]) if name == "losses" else len(W))
            return usual(self, W, *rest)

        monkeypatch.setattr(Fused if name == "losses" else Oracle, name, counted)
    pool = Pool(workspace, workspace.folds, fused=True, most=3)
    pool.exchange([], {0: CONFIGS["adam"], 1: CONFIGS["adam"], 2: CONFIGS["svrg"]})
    round_of(pool)
    # 4 lanes, of which two at a time start, and 2, whose two gradients a step are rows of their own
    assert seen == {"gradient": {2}, "logits": {2}, "losses": {2}}
    seen.clear()
    pool = Pool(workspace, workspace.folds, fused=True)
    pool.exchange([], {0: CONFIGS["adam"], 1: CONFIGS["adam"], 2: CONFIGS["svrg"]})
    round_of(pool)
    assert seen == {"gradient": {4, 2}, "logits": {4, 2}, "losses": {4}}


@ways
def test_trials_go_on_where_they_were(workspace: Workspace, fused: bool) -> None:
    """After the memory ran out, in an epoch that trials had reached at different times."""
    pool = Pool(workspace, workspace.folds, fused=fused)
    pool.exchange([], {0: CONFIGS["svrg"]})
    round_of(pool)
    pool.exchange([], {1: CONFIGS["adam"]})
    round_of(pool)
    pool.exchange([], {2: CONFIGS["sgd"]})
    reached = {0: (CONFIGS["svrg"], 2), 1: (CONFIGS["adam"], 1), 2: (CONFIGS["sgd"], 0)}
    assert pool.halve(trials=3) == (3 if fused else 0)
    if not fused:
        pool.clear()
    pool.restore(reached, lambda: None)
    assert pool.most == (3 if fused else None)
    found = round_of(pool)
    for trial, (name, epochs) in enumerate([("svrg", 3), ("adam", 2), ("sgd", 1)]):
        agree(found[trial], alone(workspace, name, epochs)[-1])


def test_a_lane_at_once_can_not_be_halved(workspace: Workspace) -> None:
    pool = Pool(workspace, workspace.folds, fused=True, most=5)
    assert [pool.halve(trials=9) for _ in range(4)] == [2, 1, 0, 0]
    assert pool.most == 1
    assert Pool(workspace, workspace.folds, fused=False).halve(trials=9) == 0


def test_threads_change_no_value_of_lenet() -> None:
    """Convolutions side by side, shared out among threads: but for the rounding of fused products,
    whose kernel depends on how many there are."""
    space = Workspace(Task(folds=2, limit=96), Path(), torch.device("cpu"))
    found = []
    for threads in (1, 2):
        pool = Pool(space, space.folds, fused=True)
        pool.use_threads(threads)
        pool.exchange([], {0: CONFIGS["svrg"], 1: CONFIGS["svrg"]})
        assert [len(lanes.oracle.modules) for lanes in pool.groups.values()] == [threads]
        found.append([round_of(pool), round_of(pool)])
        pool.use_threads(1)
    for one, other in zip(*found, strict=True):
        for trial in (0, 1):
            agree(other[trial], one[trial])
