"""vrtune.optim needs nothing of the search, and comes from configuration files."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import hydra
import pytest
import torch
from jsonargparse import ArgumentParser
from optim import loops

from vrtune import optim

SCRIPT = """
import sys, time
begun = time.perf_counter()
import torch, torch.optim
between = time.perf_counter()
import vrtune.optim
done = time.perf_counter()
heavy = "optuna numba sklearn plotly sqlalchemy pandas scipy rich psutil".split()
print(*[name for name in heavy if name in sys.modules])
print(*[m for m in sys.modules if m.startswith("vrtune.") and m.count(".") == 1])
print(f"{between - begun:.3f} {done - between:.3f}")
"""


def test_importing_it_brings_nothing_of_the_search() -> None:
    ran = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    heavy, rooms, times = ran.stdout.splitlines()
    assert heavy == ""
    ground = {"averages", "chains", "config", "errors", "given", "later", "penalties", "units"}
    assert {m.partition(".")[2] for m in rooms.split()} <= ground | {
        "estimators",
        "inits",
        "optim",
        "optimizers",
        "own",
        "schedules",
    }
    print(f"import torch, then vrtune.optim: {times} s")


def trains(make: Any) -> None:
    model = loops.net()
    optimizer = make(model.parameters())
    losses = loops.train(model, optimizer, loops.batches(8), 4)
    assert isinstance(optimizer, optim.VarianceReduced)
    assert sum(losses[-8:]) < sum(losses[:8])


@pytest.mark.parametrize(
    "told",
    [
        {"_target_": "vrtune.optim.MARS", "_partial_": True, "lr": 0.01, "betas": [0.9, 0.99]},
        {
            "_target_": "vrtune.optim.Over",
            "_partial_": True,
            "base": {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.01},
            "estimator": {"_target_": "vrtune.SVRG"},
        },
        {
            "_target_": "vrtune.optim.Over",
            "_partial_": True,
            "base": {"_target_": "torch.optim.AdamW", "_partial_": True, "lr": 0.01},
            "estimator": {"kind": "svrg"},
        },
    ],
    ids=["mars", "unit", "kind"],
)
def test_hydra_makes_them(told: dict[str, Any]) -> None:
    trains(hydra.utils.instantiate(told, _convert_="all"))


@pytest.mark.parametrize(
    "told",
    [
        {"class_path": "vrtune.optim.SVRG", "init_args": {"lr": 0.1, "momentum": 0.9}},
        {
            "class_path": "vrtune.optim.Over",
            "init_args": {
                "base": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.01}},
                "estimator": {"kind": "svrg"},
            },
        },
    ],
    ids=["svrg", "over"],
)
def test_jsonargparse_makes_them(told: dict[str, Any]) -> None:
    from collections.abc import Callable, Iterable

    parser = ArgumentParser(exit_on_error=False)
    made = Callable[[Iterable[torch.Tensor]], torch.optim.Optimizer]
    parser.add_argument("--optimizer", type=made)
    parsed = parser.instantiate(parser.parse_object({"optimizer": told}))
    trains(parsed.optimizer)
