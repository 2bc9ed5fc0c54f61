"""Tables of gradients: what they hold, what they take, and whom they refuse."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from contracts.twins import TWINS
from reference import saga

from vrtune import SAG, SAGA, SGD, Adam, Task, TrialConfig
from vrtune.diagnosing.measure import measure
from vrtune.errors import UsageError
from vrtune.estimators.tabled import Tabled
from vrtune.estimators.tables.svd import low_rank
from vrtune.lanes import Lane, Lanes, memory
from vrtune.lanes.rows import Program
from vrtune.lanes.tables import table_bytes
from vrtune.lanes.workspace import Workspace
from vrtune.testing import contracts, problem

STORES = ["partition", "naive", "factored", "svd"]
stores = pytest.mark.parametrize("store", STORES)
slow = pytest.mark.slow
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


def config(store: str, kind: type[SAGA | SAG] = SAGA, rank: int = 1) -> TrialConfig:
    estimator = kind.model_validate({"table": store, "rank": rank})
    return TrialConfig(estimator=estimator, optimizer=SGD(lr=0.1, momentum=0.5))


def table_of(lanes: Lanes) -> Tabled:
    estimator = lanes.rows.estimator
    assert isinstance(estimator, Tabled)
    return estimator


def held(lanes: Lanes) -> torch.Tensor:
    """The sum over samples of what the table holds, [L, P]."""
    estimator = table_of(lanes)
    entries = torch.arange(estimator.state["table seen"].shape[1])
    total = torch.zeros_like(estimator.state["sum"])
    for i in entries:
        start = int(i) * lanes.batch_size
        samples = 1 if estimator.table.of_samples else min(lanes.batch_size, problem.TRAIN - start)
        at = i.expand(len(total), 1)
        total += samples * estimator.table.mean(estimator.table.read(at))
    return total


@pytest.mark.parametrize(
    ("kind", "store", "fused"),
    [
        (SAGA, "naive", False),
        (SAGA, "factored", True),
        pytest.param(SAGA, "naive", True, marks=slow),
        pytest.param(SAGA, "factored", False, marks=slow),
        pytest.param(SAG, "naive", True, marks=slow),
        pytest.param(SAG, "factored", False, marks=slow),
    ],
)
def test_single_samples_equal_the_slow_loop(
    kind: type[SAGA | SAG], store: str, fused: bool
) -> None:
    made = config(store, kind)
    lanes = problem.seat([made, made], "layer", fused=fused)
    module = problem.module_in(lanes, 1)
    for _ in range(3):
        lanes.train_epoch()
    twin = TWINS["sgd"](list(module.parameters()), made.optimizer.model_dump())
    saga.train(module, problem.epochs_of(lanes.seats[1], 3), twin, store, 1, biased=kind is SAG)
    trained = problem.module_in(lanes, 1).state_dict()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("rank", [1, 2])
def test_a_compressed_table_equals_the_slow_loop_where_gradients_have_its_rank(rank: int) -> None:
    """Of linear layers on vectors they have rank 1, so only the convolution's is cut: at rank 2 it
    is kept whole (3 x 18 numbers against 2 x 21 are cut, too), so both see it."""
    made = config("svd", rank=rank)
    lanes = problem.seat([made, made])
    exact = problem.seat([config("naive")] * 2)
    for _ in range(2):
        lanes.train_epoch()
        exact.train_epoch()
    linear = slice(57, None)  # behind the convolution
    state, whole = table_of(lanes).state, table_of(exact).state
    assert set(state) > {"table U 0", "table whole 1"}
    assert not torch.allclose(state["sum"][:, :54], whole["sum"][:, :54], rtol=1e-3)
    torch.testing.assert_close(held(lanes)[:, linear], state["sum"][:, linear])


@pytest.mark.parametrize("store", ["svd", *(pytest.param(s, marks=slow) for s in STORES[:3])])
def test_the_sum_is_that_of_the_table_after_a_thousand_steps(store: str) -> None:
    """In double precision, so that nothing but rounding lies between: a full gradient in the sum of
    a compressed table would drift by its own size."""
    lanes = problem.seat([config(store)])
    for _ in range(200):  # of five steps
        lanes.train_epoch()
    total = table_of(lanes).state["sum"]
    torch.testing.assert_close(held(lanes), total, rtol=1e-9, atol=1e-11)
    assert table_of(lanes).state["count"].tolist() == [[problem.TRAIN]]


def test_a_full_gradient_in_the_sum_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = problem.seat([config("svd")])
    table = table_of(lanes).table
    fresh = table.fresh
    monkeypatch.setattr(table, "fresh", lambda *a: (f := fresh(*a))._replace(kept=f.g))
    for _ in range(3):
        lanes.train_epoch()
    assert not torch.allclose(held(lanes), table_of(lanes).state["sum"], rtol=1e-3)


def test_the_first_epoch_is_that_of_plain_gradients() -> None:
    """Nothing is known of samples that are new."""
    made = [config(store) for store in ("naive", "factored")]
    plain = problem.seat([TrialConfig(optimizer=made[0].optimizer)])
    plain.train_epoch()
    for each in made:
        lanes = problem.seat([each])
        lanes.train_epoch()
        torch.testing.assert_close(lanes.rows.W, plain.rows.W, rtol=1e-9, atol=1e-12)


def test_low_rank_is_near_the_best() -> None:
    generator = torch.Generator().manual_seed(0)

    def noise(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    G = noise(9, 12, 20) * 0.6 ** torch.arange(20)
    for rank in (1, 3):
        U, V = low_rank(G, noise(20, rank))
        best = torch.linalg.svdvals(G)[:, rank:].norm(dim=1)
        assert ((U @ V.mT - G).norm(dim=(1, 2)) < 1.2 * best).all()
    exact = noise(9, 12, 2) @ noise(9, 2, 20)
    U, V = low_rank(exact, noise(20, 3))  # a rank to spare
    torch.testing.assert_close(U @ V.mT, exact)


@stores
def test_measuring_leaves_the_table_alone(store: str) -> None:
    lanes = problem.seat([config(store)] * 2)
    for _ in range(2):
        lanes.train_epoch()
    before = {name: t.clone() for name, t in table_of(lanes).state.items()}
    found = measure(lanes)
    for name, value in table_of(lanes).state.items():
        assert torch.equal(value, before[name]), name
    assert (found.variance < found.gradient_variance).all()
    lanes.train_epoch()
    assert not torch.equal(table_of(lanes).state["sum"], before["sum"])


def test_entries_follow_their_samples_with_augmentation() -> None:
    """An entry is a sample, or a batch, whatever views of them are seen; views differ by epoch."""
    task = Task(folds=2, limit=90, model="softmax", augment="crop-flip", batch_size=8)
    workspace = Workspace(task, Path(), torch.device("cpu"))
    for store in ("naive", "partition"):
        program = Program.of(config(store))
        lanes = workspace.lanes(program, fused=True)
        lanes.append([Lane(0, config(store), stream) for stream in workspace.folds])
        orders, subsets = [], []
        for _ in range(2):
            lanes.train_epoch()
            numbers, _ = lanes.batches.places(lanes.batches.order)
            assert numbers.sort(1).values.tolist() == [[*range(45)]] * 2
            orders.append(lanes.batches.order)
            parts = lanes.batches.bounds()
            subsets.append({frozenset(numbers[0, a:b].tolist()) for a, b in parts})
        assert (subsets[0] == subsets[1]) == (store == "partition")
        assert set(orders[0][0].tolist()) != set(orders[1][0].tolist()), "other views"


def test_a_larger_lane_makes_room() -> None:
    lanes = problem.seat([config("partition")] * 2)
    lanes.train_epoch()
    held_before = table_of(lanes).state["table g"][0].clone()
    stream = problem.stream("fold 1")
    x = lanes.data[0]
    larger = type(stream)(
        "all", 1, torch.arange(len(x)), stream.validation, stream.scale, stream.shift
    )
    assert lanes.room.make(lanes.rows, [Lane(5, config("partition"), larger)])
    assert table_of(lanes).state["table g"].shape[1] == 6
    assert torch.equal(table_of(lanes).state["table g"][0, :5], held_before)
    lanes.train_epoch()


# ---- what is told before -------------------------------------------------------------------------


def test_batch_norm_is_refused_but_with_a_partition() -> None:
    task = Task(folds=2, limit=90, norm="batch")
    workspace = Workspace(task, Path(), torch.device("cpu"))
    for store in ("naive", "factored", "svd"):
        with pytest.raises(UsageError, match=r'batch norm .* or SAGA\(table="partition"\)'):
            memory.check_fit(workspace, config(store), 1, 1)
        with pytest.raises(UsageError, match="batch norm"):
            workspace.lanes(Program.of(config(store)), fused=False)
    memory.check_fit(workspace, config("partition"), 1, 1)


def test_bytes_of_tables_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Softmax on digits 16 x 16: 256 inputs, 10 outputs, 2570 parameters; 60 samples in each of 2
    folds, 4 batches of 16; a mark of 4 bytes for each entry that was seen."""
    task = Task(folds=2, limit=120, model="softmax", batch_size=16)
    workspace = Workspace(task, Path(), torch.device("cpu"))
    numbers = {
        "partition": 4 * (2570 + 1),
        "naive": 60 * (2570 + 1),
        "factored": 60 * (256 + 10 + 1),
        "svd": 60 * (2 * (256 + 10) + 10 + 1),  # the bias is whole
    }
    for store, count in numbers.items():
        assert table_bytes(workspace, config(store, rank=2), 60, 16)[0] == 4 * count
    for free, said in (
        (2_000_000, r'largest .* --batch-size \d+, or SAGA\(table="partition"\)$'),
        (1_200_000, r'free: set SAGA\(table="partition"\), use a smaller model'),
    ):
        monkeypatch.setattr(memory.machine, "free_memory", partial(int, free))
        with pytest.raises(UsageError, match=said):
            memory.check_fit(workspace, config("naive"), 1, 1)
        memory.check_fit(workspace, config("partition"), 1, 1)
    with pytest.raises(UsageError, match=r'table="partition"'):
        memory.check_trainings(workspace, config("naive"), 1)
    assert memory.hungriest([config("partition"), config("naive")], workspace) == config("naive")


def test_stores_train_apart() -> None:
    made = [config("svd"), config("svd", rank=2), config("naive"), config("svd", SAG)]
    assert len({Program.of(each) for each in made}) == 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", [SAGA, SAG])
@pytest.mark.parametrize("store", STORES[1:])
def test_tables_of_samples_keep_every_contract(kind: type[SAGA | SAG], store: str) -> None:
    for contract in contracts(kind.model_validate({"table": store, "rank": 2})):
        contract()


@ways
def test_adam_goes_with_it(fused: bool) -> None:
    made = TrialConfig(estimator=SAGA(table="factored"), optimizer=Adam(lr=0.01))
    lanes = problem.seat([made], fused=fused)
    first = lanes.train_epoch()
    for _ in range(5):
        last = lanes.train_epoch()
    assert (last < first).all()
