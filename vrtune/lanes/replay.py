"""A step that runs again and again on the same tensors, as one CUDA graph where there is CUDA."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch

WARM_UP = 3  # eager runs before a capture: libraries choose their kernels and make their buffers


class Replay:
    """Work that reads and writes tensors which stay where they are.

    On a GPU the first runs are ordinary ones, on a stream of their own; then the work is captured
    once as a CUDA graph (a capture computes nothing) and replayed. Work that can't be captured,
    e.g. of a model that looks at its values, is run as it is. Elsewhere it always is.
    """

    def __init__(self, work: Callable[[], None], device: torch.device) -> None:
        self.work, self.device = work, device
        self.captures = device.type == "cuda"
        self.graph: torch.cuda.CUDAGraph | None = None
        self.runs = 0

    def __call__(self) -> None:
        if self.captures and self.graph is None and self.runs >= WARM_UP:
            self._capture()
        if self.graph is not None:
            self.graph.replay()
        elif self.captures:
            self._aside()
        else:
            self.work()
        self.runs += 1

    def _aside(self) -> None:
        """Runs on a side stream, as a capture's warm-up must."""
        here, side = torch.cuda.current_stream(self.device), torch.cuda.Stream(self.device)
        side.wait_stream(here)
        with torch.cuda.stream(side):
            self.work()
        here.wait_stream(side)

    def _capture(self) -> None:
        graph = torch.cuda.CUDAGraph()
        torch.cuda.synchronize(self.device)
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                self.work()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            self.captures = False
            torch.cuda.synchronize(self.device)
            reason = str(error).splitlines()[0]
            warnings.warn(f"steps run without a CUDA graph: {reason}", stacklevel=2)
        else:
            self.graph = graph
