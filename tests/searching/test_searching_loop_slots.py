"""The slots of a search: how full they were, and half as many where memory runs out."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from typing import Any

import pytest
import torch
from optuna.trial import FrozenTrial, TrialState
from reference.small_search import TASK, run, trials_of

from vrtune import TrialConfig, search
from vrtune.errors import VrtuneError
from vrtune.events import Event
from vrtune.lanes.plan import Fuse
from vrtune.lanes.pool import Pool
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study
from vrtune.studies.searches import read_searches

CPU = "[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: "
SHORT = (  # as a GPU's allocator says it, a CPU's on Linux and elsewhere, NumPy and the system
    torch.OutOfMemoryError("CUDA out of memory"),
    RuntimeError(f"{CPU}you tried to allocate 4398046511104 bytes. Error code 12 (Cannot ...)"),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),
    RuntimeError("could not create a primitive"),
    MemoryError("Unable to allocate 8.00 EiB for an array"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
)


def short_of_memory(
    monkeypatch: pytest.MonkeyPatch, lanes: int, error: Exception = SHORT[0]
) -> None:
    """A device that has memory for so many lanes."""
    train_epoch = Pool.train_epoch

    def limited(pool: Pool, after_step: Callable[[], None]) -> dict[int, list[float]]:
        if sum(len(group.seats) for group in pool.groups.values()) > lanes:
            raise error
        return train_epoch(pool, after_step)

    monkeypatch.setattr(Pool, "train_epoch", limited)


@pytest.mark.parametrize(
    "error",
    [SHORT[0], *(pytest.param(error, marks=pytest.mark.slow) for error in SHORT[1:])],
    ids=range(len(SHORT)),
)
def test_out_of_memory_halves_the_slots_and_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    short_of_memory(monkeypatch, lanes=4, error=error)
    events: list[Event] = []
    run(url, 11, slots=8, progress=events.append)
    assert [e.lanes for e in events if e.kind == "halved"] == [8, 4]
    states = [t.state for t in trials_of(url)]
    assert states.count(TrialState.COMPLETE) == 11, "those put back need not be granted again"
    assert set(states) == {TrialState.COMPLETE, TrialState.FAIL}
    params = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.FAIL}
    done = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.COMPLETE}
    assert params <= done


@pytest.mark.slow
@pytest.mark.parametrize("fuse", ["on", "off"])
def test_out_of_memory_puts_no_fused_trial_back(
    url: str, fuse: Fuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When trials have reached different epochs: fewer lanes at once go on with them, and all end
    as if nothing had happened. Looped ones have none to give up."""
    events, reached = list[Event](), list[set[int]]()

    def found(name: str) -> list[FrozenTrial]:
        search(
            "sgd", TASK.model_copy(update={"epochs": 6}), trials=16, pruner="median", jobs=1,
            open=4, fuse=fuse, study=name, storage=url, retrain=0, progress=events.append,
        )  # fmt: skip
        return trials_of(url, name)

    calm, train_epoch, rounds = found("calm"), Pool.train_epoch, 0

    def limited(pool: Pool, after_step: Callable[[], None]) -> dict[int, list[float]]:
        nonlocal rounds
        rounds += 1
        losses = train_epoch(pool, after_step)
        if rounds in (16, 18):  # and again while they are trained anew
            raise torch.OutOfMemoryError
        return losses

    def restore(pool: Pool, trials: dict[int, tuple[TrialConfig, int]], check: Any) -> None:
        reached.append({epoch for _, epoch in trials.values()})
        usual(pool, trials, check)

    usual = Pool.restore
    monkeypatch.setattr(Pool, "restore", restore)
    monkeypatch.setattr(Pool, "train_epoch", limited)
    short = found("short")
    halved = [event.lanes for event in events if event.kind == "halved"]
    if fuse == "off":
        assert halved == [4, 2]
        assert any(trial.state is TrialState.FAIL for trial in short)
        return
    assert halved == [2]
    assert len(reached[0]) > 1
    assert reached[0] == reached[1]
    for mine, other in zip(short, calm, strict=True):
        assert (mine.params, mine.state) == (other.params, other.state)
        assert mine.intermediate_values == pytest.approx(other.intermediate_values, rel=1e-5)
        for name in ("gradient_computations", "fold_values"):
            assert mine.user_attrs[name] == pytest.approx(other.user_attrs[name], rel=1e-5)


def test_no_memory_for_one_trial_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(monkeypatch, lanes=1)
    with pytest.raises(VrtuneError, match="no memory for the 2 lanes of one trial"):
        run(url, 4)
    assert {t.state for t in trials_of(url)} == {TrialState.FAIL, TrialState.WAITING}


def test_a_search_says_how_full_its_slots_were(url: str) -> None:
    events: list[Event] = []
    for jobs in (1, 2):
        result = search(
            "sgd",
            TASK,
            trials=6,
            jobs=jobs,
            lanes=2,
            study="s",
            storage=url,
            retrain=0,
            progress=events.append,
        )
        assert result.occupancy is not None
        assert 0 < result.occupancy <= 1
        assert 0 < result.outside < 1
    kept = read_searches(load_study(open_storage(url), "s", url))
    assert [search.processes for search in kept] == [1, 2]
    assert kept[1].occupancy == result.occupancy
    assert all(0 < search.beside < search.total for search in kept)
    plans = [event.text for event in events if event.kind == "plan"]
    assert [text.split(", ")[0] for text in plans] == ["1 process", "2 processes"]
    assert plans[0].rpartition("; ")[2] == plans[1].rpartition("; ")[2], "the same way"
