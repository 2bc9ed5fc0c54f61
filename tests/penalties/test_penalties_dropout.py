"""Rates of dropout layers, lane by lane: the layers' own where all agree, on every way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from vrtune import SGD, Dropout, Task, TrialConfig
from vrtune.errors import UsageError
from vrtune.gradients.cpu.side_by_side import SideBySide
from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY, LAYERS, RATE
from vrtune.gradients.looped import Looped
from vrtune.gradients.noise import few_lanes, square_loss
from vrtune.gradients.oracle import Oracle
from vrtune.gradients.prepared import prepared
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.models import build

RATES = [0.0, 0.25, 0.5]  # no rounding in float32: the same thresholds as of layers' own


def net(p: float) -> nn.Sequential:
    """Dropout of two kinds."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.Dropout2d(p), nn.ReLU(), nn.Flatten(),
        nn.Linear(64, 8), nn.ReLU(), nn.Dropout(p), nn.Linear(8, 3),
    )  # fmt: skip


def gradients(oracle: Oracle, rates: list[float] | None) -> list[Tensor]:
    """Gradients, losses and outputs of three lanes on noise."""
    W, buffers, x, y = few_lanes(oracle, (1, 4, 4))
    if rates is not None:
        buffers[RATE] = torch.tensor(rates).view(3, 1)
    with square_loss(oracle):
        g, losses = oracle.gradient(W, buffers, x, y)
    return [g, losses, oracle.logits(W, buffers, x)]


@pytest.mark.parametrize("way", [Looped, Fused, SideBySide])
def test_every_lane_drops_as_layers_of_its_rate_do(way: type[Oracle]) -> None:
    """Bit for bit what one lane after another does whose layers have that rate."""
    found = gradients(way(prepared(net(0.9), rated=True)), RATES)
    for lane, rate in enumerate(RATES):
        fixed = gradients(way(prepared(net(rate))), None) if rate else None
        if fixed is None:  # of rate 0 there is no key, nor a mask
            plain = way(prepared(net(0.0)))
            assert KEY not in dict(plain.original.named_buffers())
            fixed = gradients(plain, None)
        for mine, theirs in zip(found, fixed, strict=True):
            torch.testing.assert_close(mine[lane], theirs[lane], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_all_kinds_of_layers_take_a_rate(kind: type[nn.Module]) -> None:
    x = torch.randn(2, 3, 4)[..., None, None] if kind is nn.Dropout3d else torch.randn(2, 3, 4)
    key = torch.tensor([7, -9], dtype=torch.int32)
    rated, own = prepared(nn.Sequential(kind(0.0)), rated=True), prepared(nn.Sequential(kind(0.5)))
    for module in (rated, own):
        module.train()._buffers[KEY] = key
    rated._buffers[RATE] = torch.tensor([0.5])
    torch.testing.assert_close(rated(x), own(x))
    rated._buffers[RATE] = torch.tensor([0.0])
    torch.testing.assert_close(rated(x), x)


@pytest.mark.parametrize("rate", [0.1, 0.37, 0.8])
def test_the_share_is_the_rate(rate: float) -> None:
    module = prepared(nn.Sequential(nn.Dropout(0.0)), rated=True).train()
    module._buffers[RATE] = torch.tensor([rate])
    y = module(torch.ones(300, 300))
    assert float((y == 0).float().mean()) == pytest.approx(rate, abs=0.01)
    torch.testing.assert_close(y.max(), torch.tensor(1 / (1 - rate)))


@pytest.mark.parametrize("model", ["mlp", "lenet"])
def test_models_are_what_they_were_without_a_rate(model: str) -> None:
    """The same weights under the same names, with layers that do nothing."""
    torch.manual_seed(3)
    found = build(model, (1, 28, 28), 10, "none").state_dict()
    names = {name.rpartition(".")[0].rpartition(".")[2] for name in found}
    assert all(name.isdigit() or name == "classifier" for name in names)
    torch.manual_seed(3)
    sizes = [t.shape for t in found.values() if t.dim() > 1]
    layers = [nn.Linear(s[1], s[0]) if len(s) == 2 else nn.Conv2d(s[1], s[0], s[2]) for s in sizes]
    for mine, layer in zip([t for t in found.values() if t.dim() > 1], layers, strict=True):
        assert torch.equal(mine, layer.weight)


def task(model: str) -> Task:
    return Task(model=model, penalty="dropout", folds=2, epochs=2, limit=200)


def test_a_model_without_dropout_layers_is_refused(tmp_path: Path) -> None:
    workspace = Workspace(task("softmax"), tmp_path, torch.device("cpu"))
    config = TrialConfig(optimizer=SGD(lr=0.1), penalty=Dropout())
    with pytest.raises(UsageError, match=r"^a penalty sets the rate of dropout layers, of which"):
        Pool(workspace, workspace.folds, fused=False).exchange([], {0: config})


def test_lanes_of_one_program_have_rates_of_their_own(tmp_path: Path) -> None:
    """Fused as looped; rate 0 trains as no penalty does; a refill takes its own rate along."""
    workspace = Workspace(task("mlp"), tmp_path, torch.device("cpu"))
    configs = {
        i: TrialConfig(optimizer=SGD(lr=0.1), penalty=Dropout(rate=r)) for i, r in enumerate(RATES)
    }
    losses = []
    for fused in (False, True):
        pool = Pool(workspace, workspace.folds, fused=fused)
        pool.exchange([], configs)
        losses.append([pool.train_epoch(lambda: None) for _ in range(2)])
        (lanes,) = pool.groups.values()
        assert lanes.rows.buffers[RATE][:, 0].tolist() == [r for r in RATES for _ in range(2)]
        assert RATE not in lanes.rows.named()
        pool.exchange([0], {7: configs[2]})
        assert lanes.rows.buffers[RATE][:2, 0].tolist() == [0.5, 0.5]
    for one, other in zip(*losses, strict=True):
        for trial, values in one.items():
            assert values == pytest.approx(other[trial], rel=1e-4)
    plain = Pool(workspace, workspace.folds, fused=False)
    plain.exchange([], {0: TrialConfig(optimizer=SGD(lr=0.1))})
    assert plain.train_epoch(lambda: None)[0] == losses[0][0][0]
    assert losses[0][0][0] < losses[0][0][1] < losses[0][0][2]
