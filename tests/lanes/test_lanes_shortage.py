"""Allocators that find no memory, each of which says so in its own words."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vrtune.lanes.shortage import ran_out_of_memory


def test_real_allocators_are_understood() -> None:
    for allocate in (
        lambda: torch.empty(2**55),
        lambda: np.empty(2**55),
        lambda: bytearray(2**58),
        lambda: torch.empty(1).expand(2**55).contiguous(),
    ):
        with pytest.raises((MemoryError, RuntimeError)) as caught:
            allocate()
        assert ran_out_of_memory(caught.value)
    for other in (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), OSError(2, "no")):
        assert not ran_out_of_memory(other)
