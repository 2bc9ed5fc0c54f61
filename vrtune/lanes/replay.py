"""A step that runs again and again on the same tensors, as one CUDA graph where there is CUDA."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from weakref import WeakSet

import torch

WARM_UP = 3  # eager runs before a capture: libraries choose their kernels and make their buffers


class Shared:
    """What the graphs of a device have in common: the stream of their warm-up, and the memory of
    what they compute on the way, none of which is read after a replay."""

    def __init__(self, device: torch.device) -> None:
        self.side = torch.cuda.Stream(device)
        self.captured: WeakSet[Replay] = WeakSet()
        self.memory = torch.cuda.graph_pool_handle()  # of the graphs that live


shared = lru_cache(Shared)


def release(device: torch.device) -> None:
    """Gives up all graphs of a device, each to be captured anew at its next run, and frees what
    nothing holds any more.

    All at once: a graph that dies alone may take buffers of cuBLAS with it that others, captured on
    the same stream, still use.
    """
    if device.type == "cuda":
        common = shared(device)
        torch.cuda.synchronize(device)
        for replay in common.captured:
            replay.forget()
        common.captured.clear()
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


class Replay:
    """Work that reads and writes tensors which stay where they are.

    On a GPU the first runs are ordinary ones, on a stream of their own; then the work is captured
    once as a CUDA graph (a capture computes nothing) and replayed. Work that can't be captured,
    e.g. of a model that looks at its values, is run as it is. Elsewhere it always is.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.captures = device.type == "cuda"
        self.graph: torch.cuda.CUDAGraph | None = None
        self.runs = 0

    def __call__(self, work: Callable[[], None]) -> None:
        """Runs `work`, the same each time; it is not kept, as it refers to what holds this."""
        if self.captures and self.graph is None and self.runs >= WARM_UP:
            self._capture(work)
        if self.graph is not None:
            self.graph.replay()
        elif self.captures:
            self._aside(work)
        else:
            work()
        self.runs += 1

    def _aside(self, work: Callable[[], None]) -> None:
        """Runs on a side stream, as a capture's warm-up must."""
        here, side = torch.cuda.current_stream(self.device), shared(self.device).side
        side.wait_stream(here)
        with torch.cuda.stream(side):
            work()
        here.wait_stream(side)

    def _capture(self, work: Callable[[], None]) -> None:
        """On the stream of the warm-up, whose buffers cuBLAS then uses again."""
        graph, common = torch.cuda.CUDAGraph(), shared(self.device)
        if not common.captured:  # the memory went with the last graph
            common.memory = torch.cuda.graph_pool_handle()
        torch.cuda.synchronize(self.device)
        here = torch.cuda.current_stream(self.device)
        gc.collect()
        collects = gc.isenabled()
        gc.disable()  # what dies during a capture can spoil it
        try:
            with torch.cuda.graph(
                graph, pool=common.memory, stream=common.side, capture_error_mode="thread_local"
            ):
                work()
        except torch.OutOfMemoryError:
            _abandon(common.memory, here)
            raise
        except RuntimeError as error:
            self.captures = False
            _abandon(common.memory, here)
            torch.cuda.synchronize(self.device)
            common.memory = torch.cuda.graph_pool_handle()
            reason = str(error).splitlines()[0]
            warnings.warn(f"steps run without a CUDA graph: {reason}", stacklevel=2)
        else:
            self.graph = graph
            common.captured.add(self)
        finally:
            if collects:
                gc.enable()

    def forget(self) -> None:
        """Gives up the graph."""
        if self.graph is not None:
            self.graph.reset()
            self.graph = None


def _abandon(memory: tuple[int, int], stream: torch.cuda.Stream) -> None:
    """Puts back what a capture that failed leaves behind: PyTorch then stays on its stream, and its
    allocator goes on as if the capture did, giving no memory back."""
    torch.cuda.set_stream(stream)
    with suppress(RuntimeError, AttributeError):  # it has ended by itself, or has other names
        torch._C._cuda_endAllocateToPool(stream.device_index, memory)
        torch._C._cuda_releasePool(stream.device_index, memory)
