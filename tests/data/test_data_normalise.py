"""Statistics a channel, against NumPy on the whole array at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vrtune.data import normalise
from vrtune.data.normalise import statistics


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalise, "CHUNK", 7)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("subset", [False, True])
def test_against_numpy(dtype: torch.dtype, subset: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (50, 3, 4, 5), generator=generator).to(dtype)
    x[:, 1] //= 3
    indices = torch.arange(0, 50, 3) if subset else None
    mean, std = statistics(x, indices)
    rows = x.numpy()[::3] if subset else x.numpy()
    scaled = rows.astype(np.float64) / (255 if dtype == torch.uint8 else 1)
    assert mean.dtype == std.dtype == torch.float32
    assert mean.numpy() == pytest.approx(scaled.mean((0, 2, 3)), rel=1e-6)
    assert std.numpy() == pytest.approx(scaled.std((0, 2, 3)), rel=1e-6)


@pytest.mark.parametrize("constant", [torch.tensor(200, dtype=torch.uint8), torch.tensor(0.1)])
def test_deviation_of_a_constant_channel_is_one(constant: torch.Tensor) -> None:
    x = torch.stack([constant.expand(30, 4, 5), torch.zeros(30, 4, 5).to(constant)], dim=1)
    x[0, 1] = 1
    mean, std = statistics(x)
    assert std[0] == 1
    assert std[1] != 1
    assert mean[0] == (constant / 255 if constant.dtype == torch.uint8 else constant)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_columns_of_a_table(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a wide one in chunks of fewer rows, down to one."""
    monkeypatch.setattr(normalise, "WIDE", 90)
    generator = torch.Generator().manual_seed(1)
    x = torch.randint(0, 256, (50, 40, 1, 1), generator=generator).to(dtype)
    mean, std = statistics(x)
    monkeypatch.setattr(normalise, "WIDE", 1)
    assert torch.equal(statistics(x)[0], mean)
    scaled = x.numpy().astype(np.float64)[:, :, 0, 0] / (255 if dtype == torch.uint8 else 1)
    assert mean.numpy() == pytest.approx(scaled.mean(0), rel=1e-6)
    assert std.numpy() == pytest.approx(scaled.std(0), rel=1e-6)


def test_samples_outside_the_subset_have_no_say() -> None:
    x = torch.zeros(20, 1, 2, 2)
    x[10:] = float("nan")
    mean, std = statistics(x, torch.arange(10))
    assert (mean.item(), std.item()) == (0, 1)
