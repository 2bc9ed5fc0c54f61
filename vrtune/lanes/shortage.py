"""Memory that runs out, whoever says so: PyTorch, C++, NumPy, CUDA's libraries."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from vrtune.errors import VrtuneError

SAID = re.compile(  # allocators of a CPU, of MPS and of CUDA's libraries, C++, oneDNN, Python
    r"can(?:'?|no)t allocate memory|not enough memory|out of memory|bad[ _]alloc|ALLOC_FAILED"
    r"|(?:failed|unable) to allocate|could not allocate"
    r"|could not create a (?:memory|primitive)|can't start new thread",
    re.IGNORECASE,
)


class NoMemory(VrtuneError):
    """There is no memory for the least that a process of a search can do."""


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that no memory was left, a device's or the machine's."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError) and bool(SAID.search(str(error)))


@contextmanager
def one_error_of_memory() -> Iterator[None]:
    """Turns every error that says so into torch.OutOfMemoryError."""
    try:
        yield
    except (MemoryError, OSError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError) or not ran_out_of_memory(error):
            raise
        raise torch.OutOfMemoryError(str(error)) from error
