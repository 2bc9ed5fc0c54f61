"""Penalised: any optimizer with a penalty, and what a setting with one is built to."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from vrtune import MARS, SGD, STORM, SVRG, Adam, Dropout, Norms, Polyak, TrialConfig
from vrtune.errors import UsageError
from vrtune.optim import Averaged, Penalised, VarianceReduced, build
from vrtune.testing import problem

EPOCHS = 3


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)).double()


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 5) -> nn.Module:
    x = torch.linspace(-1, 1, 24, dtype=torch.float64).view(8, 3)
    for _ in range(steps):
        optimizer.zero_grad()
        (model(x) - 1).square().mean().backward()
        optimizer.step()
    return model


def same(one: nn.Module, other: nn.Module) -> None:
    for mine, theirs in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("decoupled", [False, True])
def test_l2_is_the_weight_decay_of_groups(decoupled: bool) -> None:
    """With exemption, that of PyTorch with the biases in a group of their own."""
    mine, theirs = net(), net()
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    base = kind(mine.parameters(), lr=0.05, weight_decay=0.0)
    trained(mine, Penalised(base, Norms(l2=0.3, decoupled=decoupled)))
    parameters = list(theirs.parameters())
    groups = [
        {"params": [p for p in parameters if p.dim() > 1], "weight_decay": 0.3},
        {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0},
    ]
    trained(theirs, kind(groups, lr=0.05))
    same(mine, theirs)


def test_gradients_are_left_as_they_were() -> None:
    model = net()
    optimizer = Penalised(torch.optim.SGD(model.parameters(), lr=0.1), {"kind": "norms", "l2": 1.0})
    frozen = model[0].bias
    frozen.requires_grad_(False)
    before = frozen.clone()
    loss = (model(torch.ones(2, 3, dtype=torch.float64)) - 1).square().mean()
    loss.backward()
    kept = [p.grad.clone() for p in model.parameters() if p.grad is not None]
    assert optimizer.step(lambda: 7.0) == 7.0
    found = [p.grad for p in model.parameters() if p.grad is not None]
    assert len(found) == 3
    assert all(map(torch.equal, kept, found))
    assert torch.equal(frozen, before)


def test_it_goes_on_where_it_was_saved_and_is_scheduled() -> None:
    one, other = net(), net()
    ways = [
        Penalised(torch.optim.SGD(m.parameters(), lr=0.1, momentum=0.9), Norms(l1=0.01, l2=0.1))
        for m in (one, other)
    ]
    trained(one, ways[0])
    ways[1].load_state_dict(copy.deepcopy(ways[0].state_dict()))
    other.load_state_dict(one.state_dict())
    for model, way in zip((one, other), ways, strict=True):
        scheduler = torch.optim.lr_scheduler.StepLR(way, 1, 0.5)
        trained(model, way, 1)
        scheduler.step()
        assert way.base.param_groups[0]["lr"] == 0.05
        trained(model, way, 2)
    same(one, other)


@pytest.mark.parametrize(
    "config",
    [
        TrialConfig(optimizer=SGD(lr=0.05, momentum=0.5), penalty=Norms(l1=0.01, l2=0.1)),
        TrialConfig(
            estimator=SVRG(),
            optimizer=SGD(lr=0.05),
            penalty=Norms(l1=0.02, l2=0.1, decoupled=True),
            average=Polyak(start_share=0.3),
        ),
        TrialConfig(estimator=STORM(), optimizer=SGD(), penalty=Norms(l1=0.02, decoupled=True)),
        TrialConfig(estimator=MARS(), optimizer=Adam(lr=0.01), penalty=Norms(l2=0.1, exempt=False)),
    ],
    ids=lambda c: f"{c.estimator.kind}-{c.penalty.decoupled}",
)
def test_what_is_built_trains_as_a_lane_does(config: TrialConfig) -> None:
    lanes = problem.seat([config], "none")
    model = problem.module_in(lanes, 0)
    lane = lanes.seats[0]
    epochs = [list(epoch) for epoch in problem.epochs_of(lane, EPOCHS)]
    steps = len(epochs[0])
    optimizer, _ = build(config, model, epochs=lanes.epochs, steps=steps)
    mean = Averaged(model, config.average, epochs=lanes.epochs, steps=steps)
    for epoch in epochs:
        lanes.train_epoch()

        def gradient(batch: tuple) -> torch.Tensor:
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(batch[0]), batch[1])
            loss.backward()
            return loss

        if getattr(optimizer, "snapshot_due", False):
            optimizer.snapshot(epoch, gradient, sizes=[len(y) for _, y in epoch])
        for batch in epoch:
            optimizer.step(lambda batch=batch: gradient(batch))
            mean.update_parameters(model)
    for name, wanted in lanes.rows.named().items():
        found = mean.module.state_dict()[name]
        torch.testing.assert_close(found, wanted[0], rtol=1e-6, atol=1e-8)


def test_a_rate_goes_to_the_models_layers() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.1))
    config = TrialConfig(optimizer=SGD(lr=0.1), penalty=Dropout(rate=0.3))
    build(config, model, epochs=1, steps=1)
    assert model[1].p == 0.3
    with pytest.raises(UsageError, match=r"^the penalty sets the rate of dropout layers"):
        build(config, nn.Linear(2, 2), epochs=1, steps=1)


def test_what_is_refused() -> None:
    model = net()
    sgd = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(UsageError, match=r"^the base is 3: give an optimizer"):
        Penalised(3, Norms())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is no penalty"):
        Penalised(sgd, SGD(lr=0.1))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the penalty inside"):
        Penalised(VarianceReduced(sgd, SVRG()), Norms())
