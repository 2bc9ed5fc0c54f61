"""K-FAC: its factors are curvlinops', its steps those of a slow dense loop."""

from __future__ import annotations

import pytest
import torch
from reference.kfac import DenseKFAC
from torch import Tensor, nn

from vrtune import KFAC, SGD, Task, TrialConfig
from vrtune.errors import UsageError
from vrtune.exporting.configured import Run, for_hydra, for_lightning
from vrtune.exporting.method import base_call
from vrtune.gradients.choice import make_oracle
from vrtune.gradients.layers import layers_of_batch, uniform
from vrtune.lanes import Lane, Lanes, Stream
from vrtune.lanes.memory import state_rows
from vrtune.lanes.rows import Program
from vrtune.lanes.size import size_of
from vrtune.objectives.likelihood import labels, numbers
from vrtune.objectives.objective import objective_of
from vrtune.optim import RowRule
from vrtune.optimizers.kfac import KFACRule
from vrtune.testing import problem
from vrtune.testing.lanes import counted_equals_computed

EPOCHS = 3
FISHERS = ["empirical", "sampled"]


def settings(fisher: str) -> list[TrialConfig]:
    """Each number of the settings varies."""
    rules = [
        KFAC(lr=0.05, damping=0.1, momentum=0.0, kl_clip=0.0, every=1, fisher=fisher),
        KFAC(lr=0.02, damping=0.01, decay=0.5, weight_decay=0.1, every=2, fisher=fisher),
        KFAC(lr=0.1, damping=0.5, momentum=0.5, kl_clip=1e-4, every=3, fisher=fisher),
    ]
    return [TrialConfig(optimizer=rule) for rule in rules]


# In double precision; what is left is the order of summation, which inverses amplify by at most
# the largest eigenvalue over the damping.
@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("fisher", FISHERS)
def test_lanes_equal_the_slow_dense_loop(fisher: str, fused: bool) -> None:
    lanes = problem.seat(settings(fisher), fused=fused)
    modules = [problem.module_in(lanes, row) for row in range(3)]
    drawn: list[Tensor] = []
    if fisher == "sampled":
        assert lanes.looks is not None

        def draw(outputs: Tensor, u: Tensor) -> Tensor:
            found = labels(outputs, u)
            drawn.extend(found)
            return found

        lanes.looks.draw = draw
    for _ in range(EPOCHS):
        lanes.train_epoch()
    for row, (lane, module) in enumerate(zip(lanes.seats, modules, strict=True)):
        twin = DenseKFAC([*module.parameters()], lane.config.optimizer.model_dump())
        batches = [b for epoch in problem.epochs_of(lane, EPOCHS) for b in epoch]
        assert not drawn or len(drawn) == 3 * len(batches)
        for step, (x, y) in enumerate(batches):
            targets = drawn[3 * step + row] if drawn else y

            def loss(i: int, x: Tensor = x, y: Tensor = targets, m: nn.Module = module) -> Tensor:
                return nn.functional.cross_entropy(m(x[i : i + 1]), y[i : i + 1])

            twin.look(module, loss, len(x))
            twin.zero_grad()
            nn.functional.cross_entropy(module(x), y).backward()
            twin.step()
        found = problem.module_in(lanes, row)
        for p, q in zip(found.parameters(), module.parameters(), strict=True):
            torch.testing.assert_close(p, q, rtol=1e-7, atol=1e-9)
        assert lane.gradient_computations == 2 * len(batches)


def test_gradient_computations_that_are_counted_are_made() -> None:
    counted_equals_computed(settings("sampled"))


# ---- factors -----------------------------------------------------------------------------------


def block(oracle_layers: list, size: int) -> Tensor:
    """The mean Kronecker products of all layers [r, P, P], by the columns of a row."""
    rule = KFACRule(torch.zeros(len(oracle_layers[0].A), size, dtype=torch.float64), "empirical")
    rule.observe(oracle_layers)
    F = torch.zeros(size, size, dtype=torch.float64)
    for layer in rule.seen[0]:
        columns = torch.arange(size)[layer.weight].view(layer.G.shape[1], -1)
        if layer.bias is not None:
            columns = torch.cat([columns, torch.arange(size)[layer.bias].unsqueeze(1)], 1)
        at = columns.flatten()
        G = layer.G.mean(0)
        F[at[:, None], at[None, :]] = torch.kron(G, layer.A[0])
    return F


@pytest.mark.parametrize("fisher", FISHERS)
def test_factors_are_those_of_curvlinops(fisher: str) -> None:
    """Sampled, in the mean over labels drawn at 400 evenly spread points: its error in a label's
    probability is at most 1/400."""
    curvlinops = pytest.importorskip("curvlinops")
    module = problem.make("none")()
    x, y = problem.data()
    kind = curvlinops.FisherType
    judge = curvlinops.KFACLinearOperator(
        module,
        nn.CrossEntropyLoss(),
        [*module.parameters()],
        [(x, y)],
        fisher_type=kind.EMPIRICAL if fisher == "empirical" else kind.TYPE2,
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    row = torch.nn.utils.parameters_to_vector(module.parameters()).detach()
    wanted = judge @ torch.eye(len(row), dtype=torch.float64)
    rows = 1 if fisher == "empirical" else 400
    oracle = make_oracle(module, fused=False, precision="float32", threads=1)
    u = ((torch.arange(rows, dtype=torch.float64) + 0.5) / rows).unsqueeze(1).expand(-1, len(y))
    given = (y.unsqueeze(0), None) if rows == 1 else (u, labels)
    layers = layers_of_batch(oracle, row.expand(rows, -1), {}, x.expand(rows, *x.shape), *given)
    assert [layer.name for layer in layers] == ["layers.0", "layers.4", "layers.7"]
    difference = (block(layers, len(row)) - wanted).norm() / wanted.norm()
    assert difference < (1e-12 if rows == 1 else 0.01)


def test_layers_under_batch_norm_say_the_batches_gradient() -> None:
    lanes = problem.seat(settings("empirical"), "batch")
    lanes.train_epoch()
    x, y = (t.unsqueeze(0).expand(3, *t.shape) for t in problem.data())
    buffers = {name: b.clone() for name, b in lanes.rows.buffers.items()}
    whole, _ = lanes.oracle.gradient(lanes.rows.W, buffers, x, y)
    layers = layers_of_batch(lanes.oracle, lanes.rows.W, buffers, x, y)
    assert len(layers) == 3
    for layer in layers:
        A, dZ = layer.A.flatten(1, 2), layer.dZ.flatten(1, 2)
        found = (dZ.transpose(1, 2) @ A).flatten(1) / y.shape[1]
        torch.testing.assert_close(found, whole[:, layer.weight], rtol=1e-9, atol=1e-12)


# ---- labels that are drawn ----------------------------------------------------------------------


def test_labels_are_drawn_as_often_as_the_model_says() -> None:
    """Within four standard deviations of a share of 20,000."""
    keys = torch.arange(40, dtype=torch.int32).view(20, 2)
    u = uniform(keys, 1000, torch.empty(0))
    assert 0 <= u.min() < u.max() <= 1
    outputs = torch.tensor([1.0, -1.0, 0.5]).expand(20, 1000, 3)
    shares = labels(outputs, u).flatten().bincount(minlength=3) / 20_000
    p = outputs[0, 0].softmax(0)
    assert ((shares - p).abs() < 4 * (p * (1 - p) / 20_000).sqrt()).all()
    each = labels(outputs, u).float()
    assert torch.corrcoef(each).triu(1).abs().max() < 5 / 1000**0.5  # lanes draw their own


def test_numbers_are_drawn_around_outputs_with_variance_half() -> None:
    u = uniform(torch.tensor([[3, 4]], dtype=torch.int32), 20_000, torch.empty(0))
    e = numbers(torch.full((1, 20_000, 1), 2.0), u) - 2
    assert abs(float(e.mean())) < 4 * (0.5 / 20_000) ** 0.5
    assert float(e.var()) == pytest.approx(0.5, rel=0.05)


def test_a_loss_of_no_distribution_needs_the_empirical_fisher() -> None:
    x = torch.randn(20, 1, 1, 3)
    y = torch.randn(20)
    task = Task(dataset="digits", model="softmax", loss="mae")

    def lanes(fisher: str) -> Lanes:
        config = TrialConfig(optimizer=KFAC(lr=0.1, fisher=fisher))
        make = lambda: nn.Sequential(nn.Flatten(), nn.Linear(3, 1))  # noqa: E731
        objective = objective_of(task, y, 1)
        return Lanes(make, (x, y), 5, Program.of(config), fused=False, objective=objective)

    lanes("empirical")
    with pytest.raises(UsageError, match='fisher="empirical"'):
        lanes("sampled")


class Twice(nn.Module):
    """A layer that takes two tensors, as no hook expects."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Bilinear(3, 3, 2)

    def forward(self, x: Tensor) -> Tensor:
        """[B, 3] -> [B, 2]."""
        return self.layer(x, x)


def test_a_model_whose_layers_hide_is_refused() -> None:
    program = Program.of(TrialConfig(optimizer=KFAC(lr=0.1)))
    data = torch.randn(20, 3), torch.arange(20) % 2
    with pytest.raises(UsageError, match="Twice does not let its layers be looked at"):
        Lanes(Twice, data, 5, program, fused=False)


# ---- what it is for ------------------------------------------------------------------------------


def softmax_loss(config: TrialConfig, epochs: int) -> float:
    """Of softmax regression on features whose sizes differ by 100, after so many epochs."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(64, 6, generator=generator) * torch.logspace(-1, 1, 6)
    y = (x / torch.logspace(-1, 1, 6) @ torch.randn(6, 3, generator=generator)).argmax(1)
    y[::8] = (y[::8] + 1) % 3  # not separable
    stream = Stream("all", 1, torch.arange(64), torch.arange(0), torch.ones(1), torch.zeros(1))
    lanes = Lanes(
        lambda: nn.Sequential(nn.Flatten(), nn.Linear(6, 3)),
        (x.view(64, 1, 1, 6), y),
        64,
        Program.of(config),
        fused=False,
        epochs=epochs,
    )
    lanes.append([Lane(0, config, stream)])
    return float(torch.stack([lanes.train_epoch() for _ in range(epochs)])[-1])


def test_it_comes_closer_than_sgd_for_the_same_number_of_gradients() -> None:
    """Which has the best of five step sizes, and twice the steps."""
    sgd = [SGD(lr=lr, momentum=0.9) for lr in (1e-3, 3e-3, 1e-2, 3e-2, 0.1)]
    best = min(softmax_loss(TrialConfig(optimizer=rule), 80) for rule in sgd)
    kfac = KFAC(lr=0.3, damping=1e-3, momentum=0.9, kl_clip=0.0, every=1)
    assert softmax_loss(TrialConfig(optimizer=kfac), 40) < best - 0.02


# ---- beside it -----------------------------------------------------------------------------------


def test_optimizers_of_parameters_alone_refuse_it() -> None:
    model = nn.Linear(2, 1)
    with pytest.raises(UsageError, match="KFAC looks at a model's layers"):
        RowRule(model.parameters(), KFAC(lr=0.1))
    with pytest.raises(UsageError, match="KFAC looks at a model's layers"):
        base_call(KFAC(lr=0.1))
    config, task = TrialConfig(optimizer=KFAC(lr=0.1)), Task()
    assert for_hydra(config, task, Run(1, 1)) is None  # its setting is exported without
    assert for_lightning(config, Run(1, 1)) is None


def test_memory_of_factors_and_of_what_layers_see_is_told() -> None:
    """Two factors and two inverses of a layer with 400 inputs and 120 outputs, and as much for a
    moment, in rows of its 48,120 weights."""
    shapes = (torch.Size((120, 400)), torch.Size((120,)))
    plain = state_rows(TrialConfig(optimizer=SGD(lr=0.1, momentum=0.9)), shapes)
    kfac = state_rows(TrialConfig(optimizer=KFAC(lr=0.1)), shapes)
    assert kfac - plain == pytest.approx(4 * (401**2 + 120**2) / 48_120, abs=1.1)
    size = size_of(nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(), nn.Linear(48, 5)), (2, 6, 6))
    assert size.unfolded == 4 * (16 * 18 + 48)
