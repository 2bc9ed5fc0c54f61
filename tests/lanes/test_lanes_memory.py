"""A study that cannot fit is refused before it starts, with what would fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from vrtune import SGD, SVRG, Adam, OptimalSVRG, Task, TrialConfig, search
from vrtune.diagnosing.diagnose import diagnose_config
from vrtune.errors import UsageError
from vrtune.lanes import memory
from vrtune.lanes.memory import (
    BRIEF_ROWS,
    POINTS,
    activations,
    check_fit,
    check_trainings,
    fits,
    hungriest,
    state_rows,
)
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.retraining import train_config

TASK = Task(folds=2, limit=120)
LIKE = TrialConfig(optimizer=SGD(lr=0.1))


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    return Workspace(TASK, Path(), torch.device("cpu"))


@pytest.fixture(autouse=True)
def one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "cores", lambda device: 1)


def needed(workspace: Workspace, lanes: int, batch_size: int, *, fused: bool = False) -> int:
    return memory.needed(workspace, LIKE, lanes, batch_size, threads=1, fused=fused)


def free(monkeypatch: pytest.MonkeyPatch, amount: float) -> None:
    """A machine with so many bytes left."""
    left = int(amount / memory.HEADROOM) + 1
    monkeypatch.setattr(memory.machine, "free_memory", lambda: left)


def test_activations_of_lenet_by_hand(workspace: Workspace) -> None:
    """On digits, 16x16: each layer's output of 32 samples, four bytes a number, twice."""
    maps = 2 * 6 * 16 * 16 + 6 * 8 * 8 + 2 * 16 * 4 * 4 + 16 * 2 * 2
    identities = 6 * 16 * 16 + 16 * 4 * 4 + 120 + 84  # in place of norms
    identities += 120 + 84  # dropout
    dense = 2 * 120 + 2 * 84 + 10
    assert activations(workspace, 32) == 2 * 4 * 32 * (maps + identities + dense)


def test_more_lanes_and_samples_need_more(workspace: Workspace) -> None:
    assert needed(workspace, 4, 32) > needed(workspace, 2, 32) > needed(workspace, 2, 16)
    at_once = needed(workspace, 4, 32, fused=True)
    assert at_once - needed(workspace, 4, 32) == (4 * POINTS - 1) * activations(workspace, 32)
    looped = memory.needed(workspace, LIKE, 4, 32, threads=9)
    assert looped - needed(workspace, 4, 32) == 3 * activations(workspace, 32)
    some = memory.needed(workspace, LIKE, 4, 32, threads=1, fused=True, most=3)
    assert some - needed(workspace, 4, 32) == 2 * activations(workspace, 32)


def test_what_fits_as_many_processes_as_there_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 2 * needed(workspace, 4, 32, fused=True))
    assert fits(workspace, LIKE, 4, processes=2, fused=True)
    assert not fits(workspace, LIKE, 4, processes=3, fused=True)
    assert fits(workspace, LIKE, 4, processes=3, fused=True, most=1)


def test_rows_of_state_by_hand() -> None:
    """Weights and what a step needs; momentum; w~ and mu~; means, covariance, variance, moments."""
    assert state_rows(LIKE) == 1 + 1 + BRIEF_ROWS
    assert state_rows(TrialConfig(estimator=SVRG(), optimizer=SGD(lr=0.1))) == 4 + BRIEF_ROWS
    most = TrialConfig(estimator=OptimalSVRG(), optimizer=Adam(lr=0.1))
    assert state_rows(most) == 1 + 6 + 3 + BRIEF_ROWS
    assert hungriest([LIKE, most, LIKE]) == most


def test_what_fits_is_let_through(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 2 * needed(workspace, 4, 32))
    check_fit(workspace, LIKE, trials=2, processes=2)


def test_trainings_that_do_not_fit_are_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, needed(workspace, 3, 32))
    check_trainings(workspace, LIKE, 3)
    said = "lenet is too large for 4 trainings at once, .* train fewer trials or seeds at once"
    with pytest.raises(UsageError, match=said):
        check_trainings(workspace, LIKE, 4)
    free(monkeypatch, 1000)
    with pytest.raises(UsageError, match=r"lenet is too large for a training, .* a smaller model"):
        check_trainings(workspace, LIKE, 1)


def test_a_retraining_that_will_not_fit_is_refused_before_the_search(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, needed(workspace, 8, 32))
    with pytest.raises(UsageError, match="too large for 20 trainings at once"):
        search("sgd", TASK, jobs=1, retrain_seeds=20, storage=f"sqlite:///{tmp_path}/studies.db")
    assert not list(tmp_path.iterdir())


def test_a_diagnosis_that_will_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 1000)
    with pytest.raises(UsageError, match="too large for a training"):
        diagnose_config(LIKE, TASK)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("MPS backend out of memory"),
        MemoryError(),
    ],
)
def test_memory_that_runs_out_in_a_retraining_is_told(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neighbours may have taken it since the check."""

    def train_epoch(pool: Pool, check: Callable[[], None]) -> dict[int, list[float]]:
        raise error

    monkeypatch.setattr(Pool, "train_epoch", train_epoch)
    said = "lenet is too large for {}, which took all memory of cpu: {}"
    with pytest.raises(UsageError, match=said.format("3 trainings at once", "train fewer")):
        train_config(LIKE, TASK, seeds=3)
    with pytest.raises(UsageError, match=said.format("a training", "use a smaller model")):
        diagnose_config(LIKE, TASK)


@pytest.mark.parametrize(
    ("processes", "trials", "batch_size"), [(2, 2, 32), (1, 2, 32), (1, 1, 32), (1, 1, 8)]
)
def test_the_largest_setting_that_fits_is_named(
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    processes: int,
    trials: int,
    batch_size: int,
) -> None:
    free(monkeypatch, processes * needed(workspace, 2 * trials, batch_size))
    asked = "lenet with 4 lanes at batch size 32 needs"
    said = f"--jobs {processes} --open {trials} --batch-size {batch_size}"
    with pytest.raises(UsageError, match=f"{asked} .* the largest setting that fits is {said}"):
        check_fit(workspace, LIKE, trials=2, processes=3)


def test_what_is_named_is_for_all_devices(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes on each of three; one on each would fit."""
    free(monkeypatch, needed(workspace, 2, 32))
    with pytest.raises(UsageError, match="--jobs 3 --open 1 --batch-size 32"):
        check_fit(workspace, LIKE, trials=1, processes=2, devices=3)


def test_what_is_named_fits_with_the_threads_it_will_have(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On four cores a single process shares its lanes out among four threads."""
    monkeypatch.setattr(memory, "cores", lambda device: 4)
    alone = memory.needed(workspace, LIKE, 2, 32, threads=4)
    free(monkeypatch, alone)
    with pytest.raises(UsageError, match="--jobs 1 --open 1 --batch-size 32"):
        check_fit(workspace, LIKE, trials=1, processes=4)
    free(monkeypatch, alone - 8)
    with pytest.raises(UsageError, match="--jobs 1 --open 1 --batch-size 16"):
        check_fit(workspace, LIKE, trials=1, processes=4)


def test_fused_lanes_need_no_more_than_looped_ones_one_by_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, needed(workspace, 2, 32))
    check_fit(workspace, LIKE, trials=1, processes=1, fused=True)
    free(monkeypatch, needed(workspace, 2, 32) - 8)
    with pytest.raises(UsageError, match="--batch-size 16"):
        check_fit(workspace, LIKE, trials=1, processes=1, fused=True)


def test_a_plan_computes_as_many_at_once_as_fit(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights of 8 lanes must fit; of what a gradient keeps, there is room for some."""
    for room, at_once, most in ((16, 8, None), (15, 4, 4), (4, 4, 4), (3, 2, 2), (1, 1, 1)):
        need = needed(workspace, 8, 32) + (room - 1) * activations(workspace, 32)
        free(monkeypatch, 2 * need)
        found = plan(workspace, LIKE, "auto", 8, processes=2)
        assert (found.way, found.lanes, found.most) == ("fused", at_once, most)
    free(monkeypatch, 2 * need - 8)
    found = plan(workspace, LIKE, "auto", 8, processes=2)
    assert (found.way, found.most) == ("looped", None), "the search itself says what fits"
    assert plan(workspace, LIKE, "on", 8, processes=2).most == 1


def test_nothing_is_written_when_nothing_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free(monkeypatch, 1000)
    with pytest.raises(UsageError, match="use a smaller model"):
        search("sgd", TASK, storage=f"sqlite:///{tmp_path}/studies.db")
    assert not list(tmp_path.iterdir())


def test_memory_of_a_cpu_is_what_the_machine_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a container's limits, which vrtune.machine heeds."""
    monkeypatch.setattr(memory.machine, "free_memory", lambda: 1000)
    assert memory.available(torch.device("cpu")) == 900


def test_what_is_no_lack_of_memory_is_raised_as_it_is(workspace: Workspace) -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory.told_of_memory(workspace, 1):
        raise RuntimeError("shapes do not match")
