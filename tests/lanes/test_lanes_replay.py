"""A step that is replayed as a CUDA graph replays it trains as one that is run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from contracts.settings import CAPTURED, configs

from vrtune.lanes.replay import WARM_UP, Replay, release, shared
from vrtune.testing import lanes as contracts

each_program = pytest.mark.parametrize(("estimator", "optimizer"), CAPTURED)
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


@ways
@each_program
def test_a_replayed_step_trains_as_a_run_one(estimator: str, optimizer: str, fused: bool) -> None:
    contracts.replayed_equals_run(configs(estimator, optimizer, 3), fused)


@ways
@each_program
def test_a_refill_moves_nothing(estimator: str, optimizer: str, fused: bool) -> None:
    contracts.refill_moves_nothing(configs(estimator, optimizer, 3), fused)


class Cuda:
    """The part of torch.cuda that a replay uses, which notes what is done."""

    def __init__(self) -> None:
        self.pools, self.graphs, self.fails = 0, list[FakeGraph](), False
        self.streams: list[object] = []  # that were made the current one

    def graph_pool_handle(self) -> tuple[int, int]:
        self.pools += 1
        return 0, self.pools

    def make(self) -> FakeGraph:
        self.graphs.append(FakeGraph())
        return self.graphs[-1]

    @contextmanager
    def capture(
        self, graph: FakeGraph, pool: tuple[int, int], stream: object, capture_error_mode: str
    ) -> Iterator[None]:
        assert not gc.isenabled(), "what dies during a capture can spoil it"
        assert stream is shared(DEVICE).side, "whose buffers the warm-up has made"
        graph.pool = pool[1]
        yield
        if self.fails:
            raise RuntimeError("operation not permitted when stream is capturing")


class FakeGraph:
    pool, replays, alive = 0, 0, True

    def replay(self) -> None:
        assert self.alive
        self.replays += 1

    def reset(self) -> None:
        self.alive = False


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cuda]:
    fake = Cuda()
    stream = SimpleNamespace(wait_stream=lambda other: None, device_index=0)
    for name, stand_in in {
        "Stream": lambda device: stream,
        "current_stream": lambda device: stream,
        "stream": lambda stream: nullcontext(),
        "set_stream": fake.streams.append,
        "synchronize": lambda device: None,
        "empty_cache": lambda: None,
        "graph_pool_handle": fake.graph_pool_handle,
        "CUDAGraph": fake.make,
        "graph": fake.capture,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    shared.cache_clear()
    yield fake
    shared.cache_clear()


DEVICE = torch.device("cuda", 0)


def test_graphs_share_their_memory_and_are_given_up_together(cuda: Cuda) -> None:
    runs = [0, 0]

    def run(i: int) -> None:
        def work() -> None:
            runs[i] += 1

        replays[i](work)

    replays = [Replay(DEVICE), Replay(DEVICE)]
    for _ in range(WARM_UP + 2):
        run(0)
        run(1)
    assert runs == [WARM_UP + 1] * 2, "run aside, then once to be captured"
    assert [(graph.pool, graph.replays) for graph in cuda.graphs] == [(2, 2), (2, 2)]
    release(DEVICE)
    assert not any(graph.alive for graph in cuda.graphs)
    run(0)
    run(1)
    assert [(graph.pool, graph.replays) for graph in cuda.graphs[2:]] == [(3, 1), (3, 1)]
    assert gc.isenabled()


def test_work_that_cannot_be_captured_is_run(cuda: Cuda) -> None:
    cuda.fails, done = True, []
    replay = Replay(DEVICE)

    def work() -> None:
        done.append(1)

    for _ in range(WARM_UP):
        replay(work)
    with pytest.warns(UserWarning, match="without a CUDA graph: operation not permitted"):
        replay(work)
    for _ in range(2):
        replay(work)
    assert len(cuda.streams) == 1, "PyTorch would stay on the capture's"
    assert len(done) == WARM_UP + 1 + 3, "the capture computes nothing, so it is run again"
    assert len(cuda.graphs) == 1
    assert gc.isenabled()


def test_graphs_that_died_alone_leave_no_memory_to_be_used_again(cuda: Cuda) -> None:
    """PyTorch refuses to capture into the memory of graphs that are all gone."""
    for _ in range(2):
        replay = Replay(DEVICE)
        for _ in range(WARM_UP + 1):
            replay(lambda: None)
        del replay
        gc.collect()
    one, other = (graph.pool for graph in cuda.graphs)
    assert one != other
