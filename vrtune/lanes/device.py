"""The device that lanes train on, and its cores."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from threadpoolctl import threadpool_limits

from vrtune import machine
from vrtune.errors import UsageError

IMPORTED_IN = os.getpid()
MEMORY_KEPT = {-3: 32 * 2**20, -1: 256 * 2**20}  # M_MMAP_THRESHOLD: of one piece; M_TRIM_THRESHOLD


def choose_device(device: str) -> torch.device:
    """auto: CUDA where there is one. UsageError if `device` is not to be had.

    PyTorch's threads don't come along into a forked process, which would wait for them for ever:
    it is to use one.
    """
    if os.getpid() != IMPORTED_IN:
        torch.set_num_threads(1)
    known = re.fullmatch(r"auto|cpu|mps|cuda(?::([0-9]{1,4}))?", device)
    if not known:
        raise UsageError(
            f"there is no device {device!r}: choose one of auto, cpu, cuda, cuda:N (that GPU, "
            "counted from 0) and mps (Apple's)"
        )
    kind, number = device.partition(":")[0], known[1]
    if kind == "cpu":
        return torch.device("cpu")
    if kind == "mps":
        if not torch.backends.mps.is_available():
            raise UsageError("there is no MPS device here: use --device cpu")
        return torch.device("mps")
    if not torch.cuda.is_available():
        if kind == "cuda":
            raise UsageError("there is no CUDA device here: use --device cpu")
        return torch.device("cpu")
    if torch.cuda._is_in_bad_fork():
        raise UsageError(
            "CUDA is in use in the process that this one was forked from, and can't be used in "
            "both: start processes by multiprocessing's 'spawn', or use --device cpu"
        )
    count = torch.cuda.device_count()
    index = torch.cuda.current_device() if number is None else int(number)
    if index >= count:
        there = "is one, cuda:0" if count == 1 else f"are {count}, cuda:0 to cuda:{count - 1}"
        raise UsageError(f"there is no CUDA device {index} here: there {there}")
    return torch.device("cuda", index)  # as tensors on it say


def choose_devices(device: str) -> tuple[torch.device, ...]:
    """Those that processes take in turn: all GPUs of the machine where none is numbered, the
    current one first. UsageError if `device` is not to be had."""
    first = choose_device(device)
    if first.type != "cuda" or ":" in device:
        return (first,)
    numbers = [first.index, *range(torch.cuda.device_count())]
    return tuple(torch.device("cuda", number) for number in dict.fromkeys(numbers))


def cores(device: torch.device) -> int:
    """Processor cores that lanes may train on; 1 where a GPU trains them."""
    return machine.cores() if device.type == "cpu" else 1


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """One thread on a CPU: lanes fill the cores as processes do, and sums come out the same
    whatever the number of cores. A GPU becomes the current one, which new streams and graphs are
    on. What was set before is put back; memory is kept from then on."""
    if device.type != "cpu":
        numbered = device.type == "cuda" and device.index is not None
        with torch.cuda.device(device) if numbered else nullcontext():
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
