"""How a task is trained is chosen by measurement; here the measurements are made up."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vrtune import SGD, Task, TrialConfig
from vrtune.errors import UsageError
from vrtune.lanes import plan as measure
from vrtune.lanes.batches import Batches
from vrtune.lanes.plan import TURNS, Way, plan
from vrtune.lanes.rows import Program
from vrtune.lanes.train import Lanes
from vrtune.lanes.workspace import Workspace

TASK = Task(model="softmax", folds=2, limit=120)
LIKE = TrialConfig(optimizer=SGD(lr=0.1))
SIZES = [2, 4, 8, 16]


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(TASK, Path(), torch.device("cpu"))


def measured(
    monkeypatch: pytest.MonkeyPatch, looped: list[float], fused: list[float], fits: int = 99
) -> list[tuple[str, int]]:
    """Seconds a lane at each size; None stands for out of memory. Returns what was asked."""
    asked: list[tuple[str, int]] = []

    def fake(workspace: Workspace, config: TrialConfig, way: Way, lanes: int) -> tuple[float, bool]:
        asked.append((way, lanes))
        seconds = {"fused": fused, "looped": looped}[way][SIZES.index(lanes)]
        if seconds < 0:
            raise torch.OutOfMemoryError
        return seconds, 2 * lanes <= fits

    monkeypatch.setattr(measure, "_measure", fake)
    return asked


MS = 1e-3


@pytest.mark.parametrize(
    ("looped", "fused", "chosen"),
    [
        ([1 * MS] * 4, [2 * MS] * 4, ("looped", 2)),
        ([1 * MS] * 4, [0.8 * MS, 0.4 * MS, 0.2 * MS, 0.1 * MS], ("fused", 16)),
        ([1 * MS] * 4, [0.8 * MS, 0.4 * MS, 0.45 * MS, 0.1 * MS], ("fused", 16)),  # 8: disturbed
        ([90 * MS] * 4, [80 * MS, 40 * MS, 20 * MS, 10 * MS], ("fused", 2)),  # too long for a look
        ([1 * MS] * 4, [0.95 * MS] * 4, ("fused", 2)),  # but no more lanes for it
        ([1 * MS] * 4, [0.8 * MS, 0.4 * MS, -1, 0.1 * MS], ("fused", 4)),  # no memory for 8
        ([-1] * 4, [0.8 * MS, -1, -1, -1], ("fused", 2)),
        ([-1] * 4, [-1] * 4, ("looped", 2)),  # the search halves what does not fit
    ],
)
def test_the_fewest_lanes_that_are_about_the_fastest(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    looped: list[float],
    fused: list[float],
    chosen: tuple[str, int],
) -> None:
    measured(monkeypatch, looped, fused)
    found = plan(workspace, LIKE, "auto", SIZES)
    assert (found.way, found.lanes) == chosen
    assert f"{chosen[0]} gradients, {chosen[1]} lanes" in found.text


def test_lanes_that_would_not_fit_are_not_tried(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    falling = [0.8 * MS, 0.4 * MS, 0.2 * MS, 0.1 * MS]
    asked = measured(monkeypatch, [1 * MS] * 4, falling, fits=8)
    assert plan(workspace, LIKE, "on", SIZES).lanes == 8
    assert list(dict.fromkeys(asked)) == [("fused", 2), ("fused", 4), ("fused", 8)]


def test_the_least_disturbed_of_alternating_measurements_counts(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A burst of other work during looped's first turn does not decide for fused."""
    seconds = iter([9 * MS, 2 * MS] + [1 * MS, 2 * MS] * (TURNS - 1))
    order: list[Way] = []

    def fake(workspace: Workspace, config: TrialConfig, way: Way, lanes: int) -> tuple[float, bool]:
        order.append(way)
        return next(seconds), True

    monkeypatch.setattr(measure, "_measure", fake)
    assert plan(workspace, LIKE, "auto", [2]).way == "looped"
    assert order == ["looped", "fused"] * TURNS


def test_what_the_first_step_compiles_is_not_counted(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    seconds = iter([9.0] + [1 * MS] * 99)
    monkeypatch.setattr("vrtune.lanes.plan.time.perf_counter", lambda: now)

    def train_epoch(lanes: Lanes, after_step: Callable[[], None]) -> None:
        nonlocal now
        now += next(seconds)
        after_step()

    monkeypatch.setattr(Lanes, "train_epoch", train_epoch)
    assert measure._measure(workspace, LIKE, "looped", 2)[0] == pytest.approx(0.5 * MS)


def test_nothing_is_measured_where_there_is_no_choice(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = measured(monkeypatch, [1.0] * 4, [1.0] * 4)
    assert plan(workspace, LIKE, "off", [8]).text == "looped gradients, 8 lanes at once"
    assert not asked


def test_a_real_measurement(workspace: Workspace) -> None:
    found = plan(workspace, LIKE, "auto", [2, 4])
    assert found.lanes in (2, 4)
    assert "ms a lane-step" in found.text


def test_what_was_measured_leaves_no_garbage(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search freezes what there is after it: copies of the data must be gone by then."""
    made: list[weakref.ref[Batches]] = []
    usual = Workspace.lanes

    def lanes(self: Workspace, program: Program, *, fused: bool) -> Lanes:
        group = usual(self, program, fused=fused)
        made.append(weakref.ref(group.batches))
        return group

    monkeypatch.setattr(Workspace, "lanes", lanes)
    gc.disable()
    try:
        plan(workspace, LIKE, "auto", [2, 4])
        assert len(made) >= 2
        assert not any(batches() for batches in made)
    finally:
        gc.enable()


def test_bfloat16_on_a_cpu_is_looped() -> None:
    task = TASK.model_copy(update={"precision": "bfloat16"})
    workspace = Workspace(task, Path(), torch.device("cpu"))
    assert not plan(workspace, LIKE, "auto", [2, 4]).fused
    with pytest.raises(UsageError, match="--fuse off"):
        plan(workspace, LIKE, "on", [2])


def test_bfloat16_with_batch_norm_is_looped_on_a_gpu_too() -> None:
    task = TASK.model_copy(update={"precision": "bfloat16", "norm": "batch"})
    workspace = Workspace(task, Path(), torch.device("cpu"))
    workspace.device = torch.device("cuda")
    assert not plan(workspace, LIKE, "auto", [2]).fused
    with pytest.raises(UsageError, match="nor with batch norm: use --fuse off"):
        plan(workspace, LIKE, "on", [2])
