"""The memory of a GPU that something took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from gpu_parts.running import Bench, Row

GB = 2**30


def begin(bench: Bench) -> int:
    """Starts to watch for a peak; returns what is allocated before."""
    if bench.device.type != "cuda":
        return 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(bench.device)
    return torch.cuda.memory_allocated(bench.device)


def peak(bench: Bench, base: int) -> Row:
    """The most memory that was allocated since `begin`, beyond its answer, and the most that was
    reserved, in GB. Nothing on a CPU."""
    if bench.device.type != "cuda":
        return {}
    return {
        "peak_gb": (torch.cuda.max_memory_allocated(bench.device) - base) / GB,
        "reserved_gb": torch.cuda.max_memory_reserved(bench.device) / GB,
    }


def free(bench: Bench) -> float:
    """GB that are free on a GPU."""
    return torch.cuda.mem_get_info(bench.device)[0] / GB


@contextmanager
def at_most(bench: Bench, gb: float) -> Iterator[None]:
    """Inside, PyTorch takes no more of a GPU's memory than this."""
    torch.cuda.empty_cache()
    whole = torch.cuda.get_device_properties(bench.device).total_memory / GB
    torch.cuda.set_per_process_memory_fraction(min(1.0, gb / whole))  # of the current device
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
