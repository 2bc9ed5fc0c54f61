"""What people do with optimizers of PyTorch works with these, or is refused in a sentence."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from functools import partial
from typing import Any

import pytest
import schedulefree
import torch
import torch.nn.functional as F
from optim import loops
from torch import Tensor, nn
from torch.optim import lr_scheduler

import vrtune
from vrtune import optim
from vrtune.errors import UsageError

every_method = pytest.mark.parametrize("method", loops.METHODS)


@every_method
def test_learns_and_looks_like_an_optimizer(method: str) -> None:
    model, data = loops.net(), loops.batches(8)
    optimizer = loops.METHODS[method](model.parameters())
    losses = loops.train(model, optimizer, data, epochs=4)
    assert sum(losses[-8:]) < 0.97 * sum(losses[:8])
    assert isinstance(optimizer, torch.optim.Optimizer)
    assert optimizer.param_groups is optimizer.base.param_groups
    assert optimizer.state is optimizer.base.state
    assert type(optimizer).__name__ in repr(optimizer)
    optimizer.zero_grad()
    assert all(p.grad is None for p in model.parameters())


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [(optim.SVRG, torch.optim.SGD), (optim.SCSG, torch.optim.SGD), (optim.MARS, torch.optim.AdamW)],
)
def test_names_order_and_defaults_are_pytorchs(ours: Any, theirs: Any) -> None:
    def shown(made: Any) -> list[tuple[str, Any]]:
        given = inspect.signature(made).parameters.values()
        return [(p.name, p.default) for p in given if p.kind is p.POSITIONAL_OR_KEYWORD]

    pairs = list(zip(shown(ours), shown(theirs), strict=False))
    own = {"lr": 3e-3, "betas": (0.95, 0.99), "weight_decay": 0.0}  # of MARS's authors
    for mine, other in pairs:
        assert mine == other or own.get(mine[0]) == mine[1], mine


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda o: lr_scheduler.StepLR(o, 2),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 8),
        lambda o: lr_scheduler.OneCycleLR(o, max_lr=0.1, total_steps=9),  # cycles momentum, too
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o), lr_scheduler.ExponentialLR(o, 0.9)], [3]
        ),
    ],
    ids=["step", "cosine", "one_cycle", "sequential"],
)
def test_schedulers_move_it_as_they_move_sgd(scheduler: Any) -> None:
    """With alpha = 0 the estimate is the plain gradient."""
    data, ends = loops.batches(), []
    for make in (
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: optim.AlphaSVRG(p, lr=0.1, momentum=0.9, alpha=0.0, decay=False),
    ):
        model = loops.net()
        optimizer = make(model.parameters())
        loops.train(model, optimizer, data, 2, scheduler(optimizer))
        ends.append((loops.weights(model), optimizer.param_groups[0]["lr"]))
    assert ends[0][1] == ends[1][1] != 0.1
    torch.testing.assert_close(ends[0][0], ends[1][0])


def test_a_schedulers_factor_reaches_storms_own_step_size() -> None:
    model = loops.net()
    optimizer = optim.STORM(model.parameters(), k=0.3, w=0.5, c=2.0)
    scheduler = lr_scheduler.LambdaLR(optimizer, lambda step: 0.5**step)
    before, total = loops.weights(model), torch.zeros(())
    for step in range(2):
        loops.train(model, optimizer, loops.batches(1), 1, scheduler)
        moved = before - loops.weights(model)
        d = torch.cat([p.grad.flatten() for p in model.parameters()])
        if step == 0:
            total += d.square().sum()  # d_1 = g_1
            torch.testing.assert_close(moved, 0.3 / (0.5 + total) ** (1 / 3) * d)
            eta_1 = 0.3 / (0.5 + total) ** (1 / 3)
            a = optimizer._trained.algorithm.state["a"].item()
            assert a == pytest.approx(min(1.0, 2.0 * eta_1.item() ** 2))
        before = loops.weights(model)
    assert optimizer.param_groups[0]["lr"] == 0.25
    ends = []
    for make in (lambda p: optim.STORM(p, lr=0.5), lambda p: optim.STORM(p)):
        model = loops.net()
        optimizer = make(model.parameters())
        optimizer.param_groups[0]["lr"] = 0.5
        loops.train(model, optimizer, loops.batches())
        ends.append(loops.weights(model))
    assert torch.equal(*ends)


def groups(model: nn.Module) -> list[dict[str, Any]]:
    return [
        {"params": [p for p in model.parameters() if p.dim() > 1], "lr": 0.1},
        {"params": [p for p in model.parameters() if p.dim() == 1], "weight_decay": 0.1},
    ]


@every_method
def test_a_state_dict_goes_on_bit_for_bit_within_an_epoch(method: str) -> None:
    data = loops.batches()
    model = loops.net(dropout=0.2)
    optimizer, gradient = loops.METHODS[method](model.parameters()), loops.gradient_of(model)
    loops.train(model, optimizer, data)
    if optimizer.keeps_snapshot:
        optimizer.snapshot(data, gradient)
    optimizer.step(lambda: gradient(data[0]))
    saved = io.BytesIO()
    torch.save([model.state_dict(), optimizer.state_dict(), torch.get_rng_state()], saved)
    loops.train_on(model, optimizer, data[1:])
    end = loops.weights(model)

    of_model, of_optimizer, random = torch.load(io.BytesIO(saved.getvalue()), weights_only=True)
    again = loops.net(seed=9, dropout=0.2)
    again.load_state_dict(of_model)
    fresh = loops.METHODS[method](again.parameters())
    fresh.load_state_dict(of_optimizer)
    assert fresh.steps_done == 5
    assert fresh.gradient_computations == of_optimizer["estimator"]["gradient_computations"]
    torch.set_rng_state(random)
    loops.train_on(again, fresh, data[1:])
    assert torch.equal(loops.weights(again), end)


@every_method
@pytest.mark.parametrize("way", ["deepcopy", pytest.param("pickle", marks=pytest.mark.slow)])
def test_copies_go_on_by_themselves(method: str, way: str) -> None:
    model, data = loops.net(), loops.batches()
    optimizer = loops.METHODS[method](model.parameters())
    loops.train(model, optimizer, data)
    pair = model, optimizer
    twin, of_twin = copy.deepcopy(pair) if way == "deepcopy" else pickle.loads(pickle.dumps(pair))
    assert of_twin.param_groups[0]["params"][0] is next(twin.parameters())
    before = loops.weights(model)
    loops.train(twin, of_twin, data)
    assert torch.equal(loops.weights(model), before)
    loops.train(model, optimizer, data)
    assert torch.equal(loops.weights(model), loops.weights(twin))


def test_groups_have_rates_of_their_own_and_may_be_added() -> None:
    model, data = loops.net(), loops.batches(2)
    optimizer, gradient = optim.SVRG(groups(model), lr=0.2), loops.gradient_of(model)
    optimizer.snapshot(data, gradient)
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step(lambda: gradient(data[0]))
    for p, old in zip(model.parameters(), before, strict=True):
        step = 0.1 * p.grad if p.dim() > 1 else 0.2 * (p.grad + 0.1 * old)
        torch.testing.assert_close(old - p.detach(), step)
    more = nn.Parameter(torch.ones(2))
    optimizer.add_param_group({"params": [more], "lr": 0.3})
    assert optimizer.base.param_groups[2]["lr"] == 0.3
    assert optimizer.snapshot_due
    with pytest.raises(UsageError, match="a snapshot is due"):
        optimizer.step(lambda: gradient(data[1]))

    def both(batch: loops.Batch) -> Tensor:
        model.zero_grad()
        more.grad = None
        loss = (F.cross_entropy(model(batch[0]) * more, batch[1])).sum()
        loss.backward()
        return loss

    optimizer.snapshot(data, both)
    optimizer.step(lambda: both(data[1]))
    assert not torch.equal(more, torch.ones(2))


def test_storm_refuses_groups_of_different_rates() -> None:
    model = loops.net()
    with pytest.raises(UsageError, match=r"give SGD lr=1\.0"):
        optim.STORM(groups(model))
    optimizer = optim.STORM([{"params": [p]} for p in model.parameters()])
    optimizer.param_groups[1]["lr"] = 0.5
    with pytest.raises(UsageError, match="the same lr"):
        loops.train(model, optimizer, loops.batches(1))


def test_frozen_and_unused_parameters_stay_and_may_join_later() -> None:
    model, data = loops.net(), loops.batches()
    model[0].requires_grad_(False)
    model.register_parameter("unused", nn.Parameter(torch.ones(3)))
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    optimizer = optim.VarianceReduced(sgd, vrtune.SVRG())
    frozen = model[0].weight.detach().clone()
    loops.train(model, optimizer, data, 2)
    assert torch.equal(model[0].weight, frozen)
    assert torch.equal(model.unused, torch.ones(3))
    model[0].requires_grad_(True)
    assert optimizer.snapshot_due
    loops.train(model, optimizer, data)
    assert not torch.equal(model[0].weight, frozen)


def test_a_gradient_that_is_missing_in_one_step_counts_as_zero() -> None:
    w = nn.Parameter(torch.tensor([1.0, 1.0]))
    v = nn.Parameter(torch.tensor([2.0]))
    optimizer = optim.SVRG([w, v], lr=0.1)

    def gradient(batch: float) -> Tensor:
        loss = w.sum() * batch + (v.sum() * 3 if batch > 1 else 0)
        loss.backward()
        return loss

    optimizer.snapshot([1.0, 2.0], gradient)
    optimizer.step(lambda: gradient(1.0))
    torch.testing.assert_close(v.grad, torch.tensor([1.5]))  # 0 - 0 + mu
    torch.testing.assert_close(w.grad, torch.tensor([1.5, 1.5]))


def test_maximize_foreach_fused_and_hooks() -> None:
    data, ends = loops.batches(), []
    for given in ({}, {"foreach": True}, {"fused": True}, {"foreach": False}):
        model = loops.net()
        loops.train(model, optim.SVRG(model.parameters(), lr=0.1, **given), data, 2)
        ends.append(loops.weights(model))
    for end in ends[1:]:
        torch.testing.assert_close(end, ends[0])
    model, seen = loops.net(), []
    optimizer = optim.MARS(model.parameters(), maximize=True)
    optimizer.base.register_step_pre_hook(lambda o, *_: seen.append(o.param_groups[0]["lr"]))
    optimizer.register_step_post_hook(lambda *_: seen.append("post"))
    losses = loops.train(model, optimizer, data, 4)
    assert sum(losses[-4:]) > sum(losses[:4])
    assert seen == [3e-3, "post"] * 16


def test_the_estimate_is_clipped_not_the_gradients() -> None:
    model, data = loops.net(), loops.batches()
    optimizer = optim.SVRG(model.parameters(), lr=0.1, max_norm=1e-3)
    loops.train(model, optimizer, data)
    d = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert float(d.norm()) == pytest.approx(1e-3, rel=1e-3)


def test_gradients_accumulate_inside_the_closure() -> None:
    """Two halves make the same step as the whole batch."""
    data, ends = loops.batches(), []
    for halves in (False, True):
        model = nn.Linear(3, 2)
        with torch.no_grad():
            [p.fill_(0.1) for p in model.parameters()]
        optimizer = optim.SVRG(model.parameters(), lr=0.1)

        def gradient(batch: loops.Batch, model: Any = model, halves: bool = halves) -> None:
            x, y = batch
            parts = [(x[:3], y[:3]), (x[3:], y[3:])] if halves else [(x, y)]
            for xs, ys in parts:
                (F.cross_entropy(model(xs), ys) / len(parts)).backward()

        assert optimizer.snapshot(data, gradient) is None
        for batch in data:
            optimizer.step(lambda b=batch, g=gradient: g(b))
        ends.append(loops.weights(model))
    torch.testing.assert_close(*ends)


@pytest.mark.parametrize("method", ["svrg", "storm", "mars"])
def test_weights_of_few_bits_have_rows_of_more(method: str) -> None:
    """Weights in bfloat16 come back as they were, and the state is float32."""
    model = loops.net().to(torch.bfloat16)
    data = [(x.to(torch.bfloat16), y) for x, y in loops.batches(8)]
    optimizer = loops.METHODS[method](model.parameters())
    losses = loops.train(model, optimizer, data, 4)
    assert sum(losses[-8:]) < sum(losses[:8])
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}
    assert {s.dtype for s in optimizer._trained.algorithm.state.values()} == {torch.float32}
    before = loops.weights(model)
    optimizer.param_groups[0]["lr"] = 0.0
    loops.train(model, optimizer, data)
    assert torch.equal(loops.weights(model), before)


def test_types_may_be_mixed() -> None:
    model = loops.net()
    model[4].double()
    seen = []

    def gradient(batch: loops.Batch) -> Tensor:
        hidden = model[:4](batch[0]).double()
        loss = F.cross_entropy(model[4](hidden), batch[1])
        loss.backward()
        seen.append(loss.item())
        return loss

    optimizer, data = optim.STORM(model.parameters()), loops.batches(8)
    for batch in data * 4:
        optimizer.step(lambda b=batch: gradient(b))
    assert sum(seen[-16:]) < sum(seen[:16])
    assert model[4].weight.dtype == torch.float64


def test_a_schedule_free_base_is_told_of_train_and_eval() -> None:
    model, data = loops.net(), loops.batches(8)
    base = schedulefree.AdamWScheduleFree(model.parameters(), lr=0.05)
    optimizer = optim.VarianceReduced(base, vrtune.SVRG())
    optimizer.train()
    losses = loops.train(model, optimizer, data, 6)
    training = loops.weights(model)
    optimizer.eval()
    assert not torch.equal(loops.weights(model), training)
    optimizer.train()
    torch.testing.assert_close(loops.weights(model), training)
    assert sum(losses[-8:]) < sum(losses[:8])


def test_from_plain_data() -> None:
    model, data = loops.net(), loops.batches()
    adamw = partial(torch.optim.AdamW, lr=0.01)
    told = {"kind": "alpha_svrg", "alpha": 0.75}
    optimizer = optim.Over(model.parameters(), adamw, told, epochs=2, steps_per_epoch=4)
    loops.train(model, optimizer, data, 2)
    assert optimizer.estimator == vrtune.AlphaSVRG(alpha=0.75)
    twin = loops.net()
    same = optim.VarianceReduced(
        adamw(twin.parameters()), vrtune.AlphaSVRG(alpha=0.75), snapshots=2
    )
    loops.train(twin, same, data, 2)
    assert torch.equal(loops.weights(model), loops.weights(twin))
