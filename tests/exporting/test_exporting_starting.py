"""How weights start in an exported program: as the lanes' did, in distribution."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from reference.exported import exported
from torch import nn

from vrtune import SGD, He, MetaInit, Orthogonal, Sparse, Task, TrialConfig, Uniform, Xavier
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.starting import init_of
from vrtune.optim import initialise
from vrtune.units import InitSettings

TASK = Task(model="lenet", limit=160)
SETTINGS = [
    *(Uniform(), Uniform(gain=0.5), Xavier(), Xavier(gain=2.0, distribution="normal")),
    *(He(), He(gain=1.0), He(gain=0.7, fan="out", distribution="uniform")),
    *(Orthogonal(), Orthogonal(gain=0.1), Sparse(), Sparse(incoming=3, gain=0.5)),
]
every_init = pytest.mark.parametrize("init", SETTINGS, ids=str)


def net() -> nn.Module:
    return nn.Sequential(nn.Conv2d(8, 60, 5), nn.BatchNorm2d(60), nn.Linear(300, 80))


@every_init
def test_weights_have_the_same_moments(init: InitSettings) -> None:
    """Of 12,000 and 24,000 numbers, 4,800 of the sparse ones' and 240 at the least not zero."""
    piece = init_of(TrialConfig(optimizer=SGD(lr=0.1), init=init), TASK)
    assert piece is not None
    assert not any(needed.module.startswith("vrtune") for needed in piece.imports)
    scope = {"torch": torch}
    exec(piece.text, scope)
    torch.manual_seed(0)
    theirs, ours = net(), net()
    kept = {n: p.clone() for n, p in theirs.named_parameters() if p.dim() < 2}
    eval(piece.call, scope, {"model": theirs})
    initialise(ours, (8, 5, 5), init)
    for (name, p), q in zip(theirs.named_parameters(), ours.parameters(), strict=True):
        if p.dim() < 2:
            assert torch.equal(p, kept[name])
            continue
        p, q = p.detach().flatten(1), q.detach().flatten(1)
        assert torch.equal((p != 0).sum(1), (q != 0).sum(1))
        tight = 0.02 if not isinstance(init, Sparse) else 0.15
        assert float(p.std()) == pytest.approx(float(q.std()), rel=tight)
        assert float(p.abs().max()) == pytest.approx(float(q.abs().max()), rel=0.3)
        length = p.norm(dim=1).std() / p.norm(dim=1).mean()
        assert float(length) == pytest.approx(float(q.norm(dim=1).std() / q.norm(dim=1).mean()),
                                              abs=0.1)  # fmt: skip


def test_it_reads_like_one_written_by_hand(tmp_path: Path) -> None:
    """Linters and formatters have nothing to say to any of them."""
    for i, init in enumerate(SETTINGS):
        text = FORMATS["python"](exported(TrialConfig(optimizer=SGD(lr=0.1), init=init), TASK))
        (tmp_path / f"trial_{i}.py").write_text(text, encoding="utf-8")
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--line-length", "100", "-q", str(tmp_path)]
    rules = ["--select", "E,F,W,I,B,UP,C4,SIM", "--ignore", "E501"]
    for command in (["check", *rules], ["format", "--diff"]):
        done = subprocess.run([*ruff, *command, *options], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_metainit_stays_vrtunes() -> None:
    piece = init_of(TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=3)), TASK)
    assert piece is not None
    assert piece.text == ""
    assert piece.call.startswith("metainit(")
