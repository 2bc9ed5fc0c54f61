"""A gradient at other weights leaves no trace: weights, buffers, random numbers."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

import numpy
import pytest
import torch
import torch.nn.functional as F
from optim import loops
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from vrtune import STORM, optim
from vrtune.errors import UsageError

every_method = pytest.mark.parametrize("method", loops.METHODS)


@every_method
def test_batch_norm_sees_each_step_once(method: str) -> None:
    """Statistics after an epoch are those of one pass at the weights that the steps had."""
    model, data = loops.net(), loops.batches()
    optimizer, gradient = loops.METHODS[method](model.parameters()), loops.gradient_of(model)
    beside = copy.deepcopy(model)
    if optimizer.keeps_snapshot:
        optimizer.snapshot(data, gradient)
    for x, y in data:
        beside.load_state_dict(dict(model.state_dict()) | dict(beside.named_buffers()))
        beside(x)
        optimizer.step(lambda x=x, y=y: gradient((x, y)))
        for name, b in beside.named_buffers():
            assert torch.equal(model.state_dict()[name], b), name


@every_method
def test_dropout_masks_agree_and_random_numbers_go_on_as_after_one_call(method: str) -> None:
    """At equal weights both gradients are equal, masks included, so the correction vanishes."""
    model, data = loops.net(dropout=0.5), loops.batches()
    optimizer = loops.METHODS[method](model.parameters())
    seen: list[Tensor] = []

    def gradient(batch: loops.Batch) -> Tensor:
        loss = loops.gradient_of(model)(batch)
        drawn = torch.rand(1), random.random(), numpy.random.rand()
        seen.append(torch.tensor([float(v) for v in drawn]))
        return loss

    if optimizer.keeps_snapshot:
        state = torch.get_rng_state()
        optimizer.snapshot(data, gradient)
        assert torch.equal(torch.get_rng_state(), state)
    seen.clear()
    optimizer.step(lambda: gradient(data[0]))
    after = torch.rand(1), random.random(), numpy.random.rand()
    assert all(torch.equal(each, seen[0]) for each in seen)
    assert len(seen) == optimizer.estimator.cost
    assert float(after[0]) != float(seen[0][0])
    torch.manual_seed(3)
    optimizer.step(lambda: gradient(data[1]))
    here = torch.rand(1)
    torch.manual_seed(3)
    model(data[1][0]), torch.rand(1)
    assert torch.equal(torch.rand(1), here)


def test_same_masks_make_the_first_correction_zero() -> None:
    model, data = loops.net(dropout=0.5), loops.batches(1)
    optimizer, gradient = optim.SVRG(model.parameters(), lr=0.0), loops.gradient_of(model)
    state = torch.get_rng_state()
    optimizer.snapshot(data, gradient)
    mu = [p.clone() for p in optimizer._trained.row.views(optimizer._trained.algorithm.state["mu"])]
    torch.set_rng_state(state)
    optimizer.step(lambda: gradient(data[0]))
    for p, m in zip(model.parameters(), mu, strict=True):
        torch.testing.assert_close(p.grad, m)


def test_buffers_that_are_replaced_and_those_of_other_models_are_put_back() -> None:
    """A counter that is assigned anew, and a discriminator that shares nothing with the model."""

    class Counting(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 3)
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            self.calls = self.calls + 1
            return self.linear(x)

    model, critic = Counting(), loops.net()
    optimizer = optim.STORM(model.parameters())

    def closure() -> Tensor:
        loss = F.cross_entropy(critic(model(torch.ones(4, 3))), torch.ones(4, dtype=torch.long))
        loss.backward()
        return loss

    for step in range(1, 4):
        optimizer.step(closure)
        assert model.calls == step
        assert critic[1].num_batches_tracked == step


@pytest.mark.parametrize("fails_at", [1, 2])
def test_weights_and_buffers_are_put_back_where_a_closure_fails(fails_at: int) -> None:
    model, data = loops.net(), loops.batches()
    optimizer = optim.MARS(model.parameters())
    loops.train(model, optimizer, data)
    before, calls = loops.weights(model), 0

    def closure() -> Tensor:
        nonlocal calls
        calls += 1
        if calls == fails_at:
            raise RuntimeError("out of data")
        return loops.gradient_of(model)(data[0])

    with pytest.raises(RuntimeError, match="out of data"):
        optimizer.step(closure)
    assert torch.equal(loops.weights(model), before)
    assert model[1].num_batches_tracked == len(data) + fails_at - 1


def test_a_snapshot_that_fails_is_still_due() -> None:
    model, data = loops.net(), loops.batches()
    optimizer, gradient = optim.SVRG(model.parameters(), lr=0.1), loops.gradient_of(model)
    loops.train(model, optimizer, data)
    before = copy.deepcopy(model.state_dict())
    with pytest.raises(ValueError, match="unpack"):
        optimizer.snapshot([*data, ()], gradient)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
    assert optimizer.snapshot_due
    with pytest.raises(UsageError, match="a snapshot is due before step 5"):
        optimizer.step(lambda: gradient(data[0]))


def test_a_shuffling_loader_visits_the_snapshots_batches_again() -> None:
    """With its own generator and without: the order is that of the pass, and another next time."""
    x = torch.randn(12, 3)
    for generator in (None, torch.Generator().manual_seed(5)):
        loader = DataLoader(
            TensorDataset(x, (x.sum(1) > 0).long()), batch_size=4, shuffle=True, generator=generator
        )
        model = loops.net()
        optimizer, orders = optim.SVRG(model.parameters(), lr=0.1), []

        def gradient(batch: loops.Batch, model: Any = model, orders: Any = orders) -> Tensor:
            orders.append(batch[0])
            return loops.gradient_of(model)(batch)

        for _ in range(2):
            optimizer.snapshot(loader, gradient)
            for batch in loader:
                optimizer.step(lambda b=batch, g=gradient: g(b))
        passes = [torch.cat(orders[i : i + 3]) for i in (0, 9)]
        steps = [torch.cat(orders[i : i + 6 : 2]) for i in (3, 12)]
        assert torch.equal(passes[0], steps[0])
        assert torch.equal(passes[1], steps[1])
        assert not torch.equal(passes[0], passes[1])


def compiled(backend: str) -> Callable[[nn.Module], nn.Module]:
    return lambda model: torch.compile(model, backend=backend)


def in_place(model: nn.Module) -> nn.Module:
    model.compile(backend="eager")
    return model


@pytest.mark.parametrize(
    "wrap", [compiled("eager"), compiled("aot_eager"), in_place], ids=["eager", "aot", "in_place"]
)
@pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
def test_a_compiled_model_trains_as_the_plain_one(wrap: Callable[[nn.Module], nn.Module]) -> None:
    data, states = loops.batches(), []
    for compiles in (True, False):
        model = loops.net()
        optimizer = optim.SVRG(model.parameters(), lr=0.05)
        loops.train(wrap(model) if compiles else model, optimizer, data, epochs=2)
        states.append(model.state_dict())
    for name, value in states[0].items():
        torch.testing.assert_close(value, states[1][name], rtol=1e-5, atol=1e-6, msg=name)


def test_over_storm_and_closures_without_backward() -> None:
    model = loops.net()
    optimizer = optim.VarianceReduced(torch.optim.SGD(model.parameters(), lr=1.0), STORM())
    with pytest.raises(UsageError, match="no gradient"):
        optimizer.step(lambda: model(torch.ones(2, 3)).sum())
