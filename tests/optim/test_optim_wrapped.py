"""DistributedDataParallel: every process ends with the weights of one that sees it all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from optim import loops
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def model() -> nn.Module:
    """Without batch norm, whose statistics are those of a process's own half."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def halves(rank: int) -> list[loops.Batch]:
    return [(x[rank::2], y[rank::2]) for x, y in loops.batches()]


def work(rank: int, folder: str) -> None:
    """One process: its half of every batch, once plain and once with batch norm."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/met", rank=rank, world_size=2)
    found = {}
    for method, make in loops.METHODS.items():
        wrapped = DistributedDataParallel(model())
        loops.train(wrapped, make(wrapped.parameters()), halves(rank), 2)
        found[method] = loops.weights(wrapped)
    normed = DistributedDataParallel(loops.net())
    loops.train(normed, loops.METHODS["svrg"](normed.parameters()), halves(rank), 2)
    found["normed"] = loops.weights(normed)
    found["tracked"] = normed.module[1].num_batches_tracked
    torch.save(found, f"{folder}/{rank}.pt")
    dist.destroy_process_group()


@pytest.mark.slow
def test_two_processes_make_the_steps_of_one(tmp_path: Path) -> None:
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    mp.spawn(work, (str(tmp_path),), nprocs=2)
    one, other = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    for name, value in one.items():
        assert torch.equal(value, other[name]), name
    assert one["tracked"] == 2 * len(loops.batches())
    for method, make in loops.METHODS.items():
        alone = model()
        loops.train(alone, make(alone.parameters()), loops.batches(), 2)
        torch.testing.assert_close(one[method], loops.weights(alone), rtol=1e-4, atol=1e-5)
