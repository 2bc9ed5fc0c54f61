"""Dropout in lanes: masks by study, stream, partition and batch, on every path."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from contracts.settings import configs
from torch import Tensor, nn

from vrtune import MARS, SGD, SVRG, MetaInit, Plain, TrialConfig
from vrtune.diagnosing.measure import measure
from vrtune.gradients.keyed import KEY
from vrtune.gradients.prepared import Habits, prepared
from vrtune.lanes import Lanes
from vrtune.lanes.rows import Program
from vrtune.models.norms import norm1d
from vrtune.testing import lanes as contracts
from vrtune.testing import problem
from vrtune.testing.spy import watch
from vrtune.units import EstimatorSettings

STILL = 1e-100  # a step size that leaves the weights where they are, bit for bit
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


class Dropping(nn.Module):
    """Dropout of planes and of features, one layer of it called twice; drawn from keys, or by
    itself."""

    def __init__(self, norm: str, *, itself: bool = False) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(2, 3, 3, stride=2)
        self.planes, self.drop = nn.Dropout2d(0.2), nn.Dropout(0.3)
        self.hidden, self.norm = nn.Linear(12, 6, bias=norm != "batch"), norm1d(norm, 6)
        self.last, self.itself = nn.Linear(6, problem.CLASSES), itself

    def forward(self, x: Tensor) -> Tensor:
        h = self.planes(self.convolution(x).tanh()).flatten(1)
        if self.itself:
            h = F.dropout(h, 0.3, self.training)
        h = self.norm(self.hidden(self.drop(h))).tanh()
        out: Tensor = self.last(self.drop(h))
        return out


@pytest.fixture
def dropping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracts' problem, with dropout."""
    monkeypatch.setattr(problem, "make", lambda norm: lambda: prepared(Dropping(norm).double()))


@pytest.fixture
def drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with random numbers of its own."""

    def make(norm: str) -> nn.Module:
        return prepared(Dropping(norm, itself=True).double(), Habits(draws=True))

    monkeypatch.setattr(problem, "make", lambda norm: lambda: make(norm))


some = pytest.mark.parametrize(
    ("estimator", "optimizer"), [("plain", "adam"), ("svrg", "sgd"), ("storm", "sgd")]
)


@some
@pytest.mark.usefixtures("dropping")
def test_fused_equals_looped(estimator: str, optimizer: str) -> None:
    contracts.fused_equals_looped(configs(estimator, optimizer, 3), "batch")


@ways
@some
@pytest.mark.usefixtures("dropping")
def test_lanes_do_not_see_each_other(estimator: str, optimizer: str, fused: bool) -> None:
    contracts.together_equals_alone(configs(estimator, optimizer, 3), fused)
    contracts.refilled_equals_fresh(configs(estimator, optimizer, 3), fused)


@ways
@pytest.mark.parametrize("estimator", ["plain", "svrg"])
@pytest.mark.usefixtures("dropping")
def test_a_graph_can_replay_the_masks(estimator: str, fused: bool) -> None:
    contracts.replayed_equals_run(configs(estimator, "sgd", 3), fused)
    contracts.refill_moves_nothing(configs(estimator, "sgd", 3), fused)


@pytest.mark.usefixtures("drawing")
def test_lanes_that_draw_by_themselves_do_not_see_each_other() -> None:
    estimator, optimizer = "svrg", "sgd"
    contracts.together_equals_alone(configs(estimator, optimizer, 3), fused=False)
    contracts.refilled_equals_fresh(configs(estimator, optimizer, 3), fused=False)
    lanes = problem.seat(configs(estimator, optimizer, 3))
    before = torch.random.get_rng_state()
    lanes.train_epoch()
    assert torch.equal(torch.random.get_rng_state(), before)


def seat(
    estimator: EstimatorSettings, *, fused: bool, lock: bool = True, augment: bool = False
) -> Lanes:
    """Two lanes whose weights stand still."""
    lr = None if estimator.sets_step_size else STILL
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=lr))
    lanes = Lanes(
        problem.make("none"),
        problem.data(),
        problem.BATCH_SIZE,
        Program.of(config),
        fused=fused,
        epochs=problem.HORIZON,
        augment=augment,
        lock_transforms=lock,
    )
    lanes.append([problem.lane(config, i) for i in range(2)])
    return lanes


def directions(lanes: Lanes, epochs: int) -> list[Tensor]:
    """The steps' directions in every epoch, [steps, L, P]."""
    seen, out = watch(lanes), []
    for _ in range(epochs):
        seen.clear()
        lanes.train_epoch()
        out.append(torch.stack([step.d for step in seen]))
    return out


def variance(d: Tensor) -> float:
    return float((d - d.mean(0)).square().sum(2).mean())


@ways
@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.usefixtures("dropping")
def test_at_the_snapshot_svrg_has_no_variance_until_the_next(fused: bool, augment: bool) -> None:
    """mu~ is the mean of exactly the gradients that are subtracted: masks and all."""
    found = directions(seat(SVRG(snapshot_period=3), fused=fused, augment=augment), 3)
    plain = directions(seat(Plain(), fused=fused), 1)
    assert max(map(variance, found)) < 1e-20
    assert variance(plain[0]) > 1e-4


@ways
@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.usefixtures("dropping")
def test_without_locking_steps_see_fresh_masks(fused: bool, augment: bool) -> None:
    """But the gradients at the snapshot are those whose mean is mu~: no bias but that of steps."""
    lanes = seat(SVRG(snapshot_period=3), fused=fused, lock=False, augment=augment)
    found = directions(lanes, 3)
    plain = directions(seat(Plain(), fused=fused), 1)
    assert min(map(variance, found[1:])) > 1e-2 * variance(plain[0])
    mu, snapshot = lanes.rows.estimator.state["mu"], lanes.rows.W.clone()
    total = torch.zeros_like(mu)
    for index in lanes.batches.of_snapshot(torch.arange(2), 0, 5):
        x, y = lanes.batches.fetch(index)
        buffers = lanes.batches.masks.off_step(lanes.rows.buffers, index)
        assert buffers.keys() == {KEY}
        total += lanes.oracle.gradient(snapshot, buffers, x, y)[0] * index.shape[1]
    torch.testing.assert_close(total / problem.TRAIN, mu)


@pytest.mark.usefixtures("drawing")
def test_what_a_module_draws_by_itself_is_locked_as_well() -> None:
    found = directions(seat(SVRG(snapshot_period=3), fused=False), 3)
    assert max(map(variance, found)) < 1e-20


def keys_of(lanes: Lanes, epochs: int) -> list[dict[int, tuple[int, ...]]]:
    """By epoch: the first sample of each batch of row 0, and the key it was seen under."""
    out: list[dict[int, tuple[int, ...]]] = []
    for _ in range(epochs):
        seen: dict[int, tuple[int, ...]] = {}

        def note(seen: dict[int, tuple[int, ...]] = seen) -> None:
            if lanes.steps_done > len(seen):  # it was no batch of a snapshot
                batch = list(lanes.batches)[lanes.steps_done - 1]
                seen[int(batch[0, 0])] = tuple(lanes.rows.buffers[KEY][0].tolist())

        lanes.train_epoch(note)
        out.append(seen)
    return out


@pytest.mark.usefixtures("dropping")
def test_plain_methods_see_a_fresh_mask_every_epoch() -> None:
    for estimator in (Plain(), MARS()):
        seen = [key for epoch in keys_of(seat(estimator, fused=False), 4) for key in epoch.values()]
        assert len({*seen}) == len(seen) == 4 * 5
    locked = keys_of(seat(Plain(), fused=False, lock=False), 2)
    assert locked == keys_of(seat(Plain(), fused=True), 2)


@pytest.mark.usefixtures("dropping")
def test_masks_are_named_by_study_stream_partition_and_batch() -> None:
    def first(name: str, seed: int) -> tuple[int, ...]:
        lanes = seat(Plain(), fused=False)
        config = lanes.seats[0].config
        lane = problem.lane(config, 0)
        lane.stream = problem.stream(name, seed)
        lanes.refill([0], [lane])
        return next(iter(keys_of(lanes, 1)[0].values()))

    found = [first(name, seed) for name in ("fold 0", "fold 1", "seed 1") for seed in (1, 2)]
    assert len({*found}) == 6
    assert found[0] == first("fold 0", 1)
    (a, b) = keys_of(seat(SVRG(snapshot_period=2), fused=False), 2)
    assert a == b  # the same batches in another order


@ways
@pytest.mark.usefixtures("dropping")
def test_metainit_sees_masks_by_step_and_stream(fused: bool) -> None:
    """Whatever was in the row before."""
    config = TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=3))
    lanes = problem.seat([config] * 3, fused=fused)
    fresh = lanes.rows.W.clone()
    lanes.train_epoch()
    lanes.refill([1], [problem.lane(config, 1)])
    torch.testing.assert_close(lanes.rows.W[1], fresh[1], rtol=1e-9, atol=1e-12)
    assert len(lanes.rows.buffers[KEY].unique(dim=0)) == 2  # streams


@pytest.mark.usefixtures("dropping")
def test_a_diagnosis_measures_the_gradients_of_the_steps() -> None:
    """At the snapshot: the variance of SVRG's estimate is none, with its masks."""
    lanes = seat(SVRG(snapshot_period=2), fused=False)
    lanes.train_epoch()
    found = measure(lanes)
    assert float(found.variance.max()) < 1e-20 < float(found.gradient_variance.min())


def test_models_without_dropout_have_no_key() -> None:
    lanes = problem.seat([TrialConfig(optimizer=SGD(lr=0.1))])
    assert KEY not in lanes.rows.buffers
    lanes.train_epoch()
    assert lanes.batches.masks.off_step(lanes.rows.buffers, torch.zeros(1, 1)) == {}
