"""The device that lanes train on, and its cores."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

from vrtune.errors import UsageError

MEMORY_KEPT = {-3: 32 * 2**20, -1: 256 * 2**20}  # M_MMAP_THRESHOLD: of one piece; M_TRIM_THRESHOLD


def choose_device(device: str) -> torch.device:
    """auto: CUDA where there is one. UsageError if `device` is not to be had."""
    if device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"there is no device {device!r}: choose one of auto, cpu, cuda")
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise UsageError("there is no CUDA device here: use --device cpu")
    if device == "cpu" or not there:
        return torch.device("cpu")
    return torch.device("cuda", torch.cuda.current_device())  # as tensors on it say


def cores(device: torch.device) -> int:
    """Processor cores that lanes may train on; 1 where a GPU trains them."""
    if device.type != "cpu":
        return 1
    own = getattr(os, "sched_getaffinity", None)  # not on macOS
    return len(own(0)) if own else os.cpu_count() or 1


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """One thread on a CPU: lanes fill the cores as processes do, and sums come out the same
    whatever the number of cores. What was set before is put back; memory is kept from then on."""
    if device.type != "cpu":
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_memory()
    try:
        with threadpool_limits(1, "blas"):  # NumPy's own: the sampler's model shares the cores, too
            yield
    finally:
        torch.set_num_threads(before)


def keep_memory() -> None:
    """Lets glibc keep the memory of a step for the next: fresh pages cost more than what fills
    them."""
    if sys.platform == "linux" and (allow := getattr(ctypes.CDLL(None), "mallopt", None)):
        for what, most in MEMORY_KEPT.items():
            allow(what, most)
