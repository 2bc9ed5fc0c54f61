"""SM3 keeps less than a number a weight, and the memory check knows."""

from __future__ import annotations

import pytest
import torch

from vrtune import SM3, Adam, TrialConfig
from vrtune.lanes.memory import state_rows
from vrtune.optimizers.sm3 import SM3Rule

SHAPES = (torch.Size((20, 5, 3, 3)), torch.Size((20,)), torch.Size(()))
WEIGHTS = 20 * 5 * 3 * 3 + 20 + 1
SLICES = (20 + 5 + 3 + 3) + 20 + 1


def test_a_number_is_kept_for_every_slice_of_every_axis() -> None:
    rule = SM3Rule(torch.ones(2, WEIGHTS))
    rule.shapes = SHAPES
    assert rule.state["accumulators"].shape == (2, SLICES)


def test_the_memory_check_counts_them() -> None:
    """Beside the weights and the mean of steps; Adam has two rows more of moments, and its t."""
    sm3 = state_rows(TrialConfig(optimizer=SM3(lr=0.1)), SHAPES)
    adam = state_rows(TrialConfig(optimizer=Adam(lr=0.1)), SHAPES)
    assert adam - sm3 == pytest.approx(2 + (1 - SLICES) / WEIGHTS)
