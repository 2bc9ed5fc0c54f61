"""Library: a lane's instance is the same optimizer as on one model alone."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

import pytest
import torch
from contracts.twins import TWINS
from reference import mars, storm, svrg
from torch import Tensor, nn
from torch.optim import Optimizer

from vrtune import MARS, STORM, SVRG, Library, Plain, TrialConfig
from vrtune.errors import UsageError
from vrtune.lanes.memory import BRIEF_ROWS, state_rows
from vrtune.lanes.rows import Program
from vrtune.optimizers.library import LibraryRule
from vrtune.testing import contracts, problem
from vrtune.units import EstimatorSettings

SHAPES = [(4, 3, 3, 3), (5,), (5, 7), (3,)]  # side by side in a row: most begin at no multiple of 4
SIZE = sum(map(prod, SHAPES))
STEPS = 50

TORCH = {
    "ASGD": {"lambd": 1e-3, "t0": 10.0},
    "Adadelta": {"rho": 0.8},
    "Adafactor": {"d": 2.0},
    "Adagrad": {"lr_decay": 0.1},
    "Adam": {"amsgrad": True},
    "AdamW": {"betas": (0.8, 0.99), "weight_decay": 0.1},
    "Adamax": {"weight_decay": 0.1},
    "NAdam": {"betas": (0.8, 0.99), "decoupled_weight_decay": True, "weight_decay": 0.1},
    "RAdam": {"betas": (0.7, 0.9)},
    "RMSprop": {"centered": True, "momentum": 0.5},
    "Rprop": {"etas": (0.4, 1.1)},
    "SGD": {"momentum": 0.9, "nesterov": True},
}
PYTORCH_OPTIMIZER = {
    "ADOPT": {},
    "ASGD": {"amplifier": 0.05},  # changes the lr of its groups
    "Adan": {"weight_decay": 0.1},
    "DAdaptAdam": {},
    "Kron": {},  # draws random numbers
    "LARS": {"momentum": 0.8},
    "Lamb": {"betas": (0.8, 0.99)},
    "Lion": {"betas": (0.8, 0.9), "weight_decay": 0.1},
    "Muon": {"adamw_lr": 1e-3},
    "Prodigy": {"d_coef": 2.0},
    "SOAP": {"precondition_frequency": 2},
    "ScheduleFreeSGD": {"momentum": 0.8},
    "Shampoo": {"preconditioning_compute_steps": 2},
    "StableAdamW": {},
}
SCHEDULEFREE = {
    "AdamWScheduleFree": {"warmup_steps": 5, "weight_decay": 0.1},
    "SGDScheduleFree": {"momentum": 0.8},
}
CLASSES = [
    *(("torch.optim", name, options) for name, options in TORCH.items()),
    *(("pytorch_optimizer", name, options) for name, options in PYTORCH_OPTIMIZER.items()),
    *(("schedulefree", name, options) for name, options in SCHEDULEFREE.items()),
]
NAMES = [f"{home}.{name}" for home, name, _ in CLASSES]


class Model(nn.Module):
    """Parameters of some shapes, that begin as a row."""

    def __init__(self, row: Tensor) -> None:
        super().__init__()
        parts = row.clone().split(list(map(prod, SHAPES)))
        self.tensors = nn.ParameterList(
            part.clone().view(shape) for part, shape in zip(parts, SHAPES, strict=True)
        )

    @property
    def row(self) -> Tensor:
        return torch.cat([p.detach().reshape(-1) for p in self.parameters()])

    def feed(self, d: Tensor) -> None:
        for p, part in zip(self.parameters(), d.split(list(map(prod, SHAPES))), strict=True):
            p.grad = part.clone().view(p.shape)


class Alone:
    """The same optimizer on one model alone, as its documentation says."""

    def __init__(self, settings: Library, row: Tensor) -> None:
        self.model, self.settings = Model(row), settings
        home, _, name = settings.name.rpartition(".")
        cls = getattr(importlib.import_module(home), name)
        params: list = list(self.model.parameters())
        if name == "Muon":
            params = [
                {"params": [p for p in params if p.dim() >= 2], "use_muon": True},
                {"params": [p for p in params if p.dim() < 2], "use_muon": False},
            ]
        with self._random():
            self.optimizer: Optimizer = cls(params, lr=settings.lr, **settings.options)
        self.base = [group["lr"] for group in self.optimizer.param_groups]
        if "ScheduleFree" in name:
            self.optimizer.train()
        self.factor = 1.0

    def step(self, d: Tensor, factor: float) -> None:
        """What torch's LambdaLR does with a factor, then a step."""
        if factor != self.factor:
            for group, lr in zip(self.optimizer.param_groups, self.base, strict=True):
                group["lr"] = lr * factor
        self.factor = factor
        self.model.feed(d)
        with self._random():
            self.optimizer.step()

    @contextmanager
    def _random(self) -> Iterator[None]:
        """Random numbers of its own, which begin with seed 0."""
        with torch.random.fork_rng([]):
            if hasattr(self, "state"):
                torch.set_rng_state(self.state)
            else:
                torch.manual_seed(0)
            yield
            self.state = torch.get_rng_state()


def rule_for(weights: Tensor, settings: list[Library]) -> LibraryRule:
    rule = LibraryRule(weights)
    rule.shapes = [torch.Size(shape) for shape in SHAPES]
    rule.seat(range(len(weights)), settings)
    return rule


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


# In double precision a lane's weights are those alone to the last digits: the same operations on
# the same numbers, that may lie at other places in memory. In float32 the step size is a row's
# float32 number and alone Python's double, and a rounding in 6e-8 grows over fifty steps; Kron
# computes in float32 anyway.
@pytest.mark.parametrize(
    ("dtype", "rtol"),
    [
        pytest.param(torch.float64, 1e-12, id="float64"),
        pytest.param(torch.float32, 1e-5, id="float32", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(
    ("home", "name", "options"), CLASSES, ids=[f"{home}.{name}" for home, name, _ in CLASSES]
)
def test_a_lane_equals_the_same_optimizer_alone(
    home: str, name: str, options: dict, dtype: torch.dtype, rtol: float
) -> None:
    """Fifty steps with lanes of other settings beside it, a schedule's factors, a lane refilled at
    step 20, and rows given up, moved and added at step 35."""
    pytest.importorskip(home)
    first, second = (
        Library(f"{home}.{name}", lr=0.02, **options),
        Library(f"{home}.{name}", lr=0.01),
    )
    beside = Library("torch.optim.SGD", lr=0.1)
    W = normal(3, SIZE, dtype=dtype)
    lanes = [first, second, beside]
    rule = rule_for(W, lanes)
    alone = [Alone(s, row) for s, row in zip(lanes, W, strict=True)]
    for step in range(STEPS):
        if step == 20:
            W[1] = normal(SIZE, seed=5, dtype=dtype)
            rule.seat([1], [first])
            alone[1] = Alone(first, W[1])
        if step == 35:
            rule.keep([1, 0], 1)
            W = torch.cat([W[[1, 0]], normal(1, SIZE, seed=6, dtype=dtype)])
            rule.seat([2], [second])
            alone = [alone[1], alone[0], Alone(second, W[2])]
        factor = (1.0, 0.5, 0.25)[step // 20]
        d = normal(3, SIZE, seed=100 + step, dtype=dtype)
        eta = W.new_tensor([[one.settings.lr] for one in alone]) * factor
        rule.step(W, d.clone(), eta, {})
        for row, one in enumerate(alone):
            one.step(d[row], factor)
    for row, one in enumerate(alone):
        theirs = one.model.row
        atol = (1e-6 if name == "Kron" else rtol) * float(theirs.abs().max())
        torch.testing.assert_close(W[row], theirs, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("home", "name"),
    [
        ("schedulefree", "SGDScheduleFree"),
        ("schedulefree", "AdamWScheduleFree"),
        ("pytorch_optimizer", "ScheduleFreeAdamW"),
        ("pytorch_optimizer", "SPlus"),
    ],
)
def test_a_class_with_modes_is_judged_by_its_weights_of_eval(home: str, name: str) -> None:
    """And judging after each step changes nothing of the training; other lanes show their own."""
    pytest.importorskip(home)
    settings = [Library(f"{home}.{name}", lr=0.02), Library("torch.optim.SGD", lr=0.1)]
    W = normal(2, SIZE)
    rule, alone, unjudged = rule_for(W, settings), Model(W[0]), normal(2, SIZE)
    assert rule.judged(W) is W  # not a step yet
    other = rule_for(unjudged, settings)
    optimizer = settings[0].make(alone.parameters())
    for step in range(12):
        d = normal(2, SIZE, seed=step)
        for each, weights in ((rule, W), (other, unjudged)):
            each.step(weights, d, W.new_tensor([[0.02], [0.1]]), {})
        alone.feed(d[0])
        optimizer.step()
        rule.judged(W)
    assert torch.equal(W, unjudged)
    optimizer.eval()
    judged = rule.judged(W)
    torch.testing.assert_close(judged[0], alone.row, rtol=1e-12, atol=1e-14)
    assert not torch.allclose(judged[0], W[0])
    assert torch.equal(judged[1], W[1])


# ---- in the training loop ------------------------------------------------------------------------

MUON = Library("torch.optim.Muon", lr=0.02, rest=Library("torch.optim.AdamW", lr=0.01))


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize(
    ("estimator", "settings", "reference"),
    [
        (SVRG(snapshot_period=1), Library("torch.optim.NAdam", lr=0.02), svrg.train),
        (SVRG(snapshot_period=2), Library("torch.optim.SGD", lr=0.1, momentum=0.9), svrg.train),
        (STORM(k=0.3, w=0.5, c=2.0), Library("torch.optim.RMSprop"), storm.train),
        (MARS(), Library("torch.optim.AdamW", lr=0.01), mars.train),
    ],
    ids=["svrg-nadam", "svrg-sgd", "storm-rmsprop", "mars-adamw"],
)
def test_lanes_equal_the_slow_loop(
    estimator: EstimatorSettings, settings: Library, reference, fused: bool
) -> None:
    """The estimate is what the class is fed with, and a step size that the estimator sets is its
    lr; lanes with other classes train beside it."""
    beside = Library("torch.optim.Adagrad", lr=None if estimator.sets_step_size else 0.1)
    configs = [TrialConfig(estimator=estimator, optimizer=o) for o in (settings, beside)]
    lanes = problem.seat(configs, "batch", fused=fused)
    modules = [problem.module_in(lanes, row) for row in range(2)]
    for _ in range(3):
        lanes.train_epoch()
    knobs = estimator.model_dump(exclude={"kind", "start_share"})
    for row, module in enumerate(modules):
        wanted = configs[row].optimizer.model_dump()
        twin = TWINS["library"](list(module.parameters()), wanted | {"lr": wanted["lr"] or 1.0})
        reference(module, problem.epochs_of(lanes.seats[row], 3), twin, **knobs)
        trained = problem.module_in(lanes, row).state_dict()
        for name, value in module.state_dict().items():
            torch.testing.assert_close(trained[name], value, rtol=1e-8, atol=1e-9)


def test_a_search_saves_and_judges_the_weights_of_eval() -> None:
    pytest.importorskip("schedulefree")
    settings = Library("schedulefree.SGDScheduleFree", lr=0.5)
    lanes = problem.seat([TrialConfig(optimizer=settings)] * 2)
    lanes.train_epoch()
    judged, training = lanes.validate(), lanes.rows.W.clone()
    shown = torch.cat([lanes.rows.named()[n][0].reshape(-1) for n in lanes.rows.layout.shapes])
    assert not torch.allclose(shown, training[0])
    lanes.rows.W[0] = shown  # what is shown is what was judged
    lanes.rows.optimizer.made = [None, *lanes.rows.optimizer.made[1:]]
    torch.testing.assert_close(lanes.validate().loss, judged.loss)


# Several classes side by side; those of a call share a program, whatever their options are.
@pytest.mark.parametrize(
    "contract",
    [
        *contracts(MUON, Library("torch.optim.NAdam", lr=0.01)),
        *contracts(Library("torch.optim.Adamax", lr=0.1), Library("torch.optim.ASGD", lr=0.1)),
    ],
    ids=str,
)
def test_contracts(contract) -> None:
    contract()


def test_a_class_that_draws_random_numbers_has_its_own_in_each_lane() -> None:
    """Whatever other lanes there are; and PyTorch's own stay as they are."""
    pytest.importorskip("pytorch_optimizer")
    kron = TrialConfig(estimator=Plain(), optimizer=Library("pytorch_optimizer.Kron", lr=0.01))
    together, alone = problem.seat([kron] * 2), problem.seat([kron], names=["fold 1"])
    before = torch.get_rng_state()
    for lanes in (together, alone):
        for _ in range(2):
            lanes.train_epoch()
    # Kron computes in float32, whose matrix products differ by where a row lies; other random
    # numbers would differ by far more
    torch.testing.assert_close(together.rows.W[1], alone.rows.W[0], rtol=1e-4, atol=1e-5)
    assert torch.equal(torch.get_rng_state(), before)


def test_lanes_of_all_classes_share_a_program_that_no_graph_replays() -> None:
    one, other = (TrialConfig(optimizer=o) for o in (MUON, Library("torch.optim.SGD", lr=0.1)))
    assert Program.of(one) == Program.of(other)
    lanes = problem.seat([one, other])
    lanes.train_epoch()
    (step,) = lanes._steps.values()
    assert not step.replays
    assert not step.captures


def test_a_lane_whose_matrices_break_down_has_diverged_and_others_go_on() -> None:
    """As NaN weights, which a pruner ends; not as an error that ends the search."""
    pytest.importorskip("pytorch_optimizer")
    shampoo = Library("pytorch_optimizer.Shampoo", lr=0.01)
    W = normal(2, SIZE)
    rule, eta = rule_for(W, [shampoo] * 2), W.new_tensor([[0.01]] * 2)
    d = normal(2, SIZE)
    d[0] = torch.nan
    for _ in range(3):
        rule.step(W, d, eta, {})
    assert W[0].isnan().all()
    assert W[1].isfinite().all()
    W[0] = 0.0
    rule.seat([0], [shampoo])
    rule.step(W, normal(2, SIZE), eta, {})
    assert W.isfinite().all()


LATE = """
import torch
class Late(torch.optim.SGD):
    def step(self, closure=None):
        self.calls = getattr(self, "calls", 0) + 1
        if self.calls > 5:
            raise ValueError("enough")
"""


def test_an_error_in_a_step_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(LATE)
    W = normal(1, SIZE)
    rule = rule_for(W, [Library(f"{tmp_path}/own.py:Late", lr=0.1)])
    d, eta = normal(1, SIZE), W.new_tensor([[0.1]])
    for _ in range(5):
        rule.step(W, d, eta, {})
    with pytest.raises(UsageError, match=r"own.py:Late can't be fed .* ValueError: enough"):
        rule.step(W, d, eta, {})


def test_state_is_counted_before_any_is_made() -> None:
    """Rows of W: the weights, a moment's needs, and what the class keeps."""

    def kept(settings: Library) -> int:
        return state_rows(TrialConfig(optimizer=settings)) - 1 - BRIEF_ROWS

    assert kept(Library("torch.optim.SGD", lr=0.1)) == 0
    assert kept(Library("torch.optim.SGD", lr=0.1, momentum=0.9)) == 1
    assert kept(Library("torch.optim.AdamW", lr=0.1)) == 3  # two, and a counter a tensor
    assert kept(MUON) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", ["NAdam", "SGD", "RMSprop"])
def test_a_lane_on_a_gpu_equals_the_same_optimizer_alone(name: str) -> None:
    W = normal(2, SIZE, dtype=torch.float32).cuda()
    settings = [Library(f"torch.optim.{name}", lr=0.02), Library(f"torch.optim.{name}", lr=0.01)]
    rule = rule_for(W, settings)
    alone = [Alone(s, row) for s, row in zip(settings, W, strict=True)]
    for step in range(STEPS):
        d = normal(2, SIZE, seed=step, dtype=torch.float32).cuda()
        rule.step(W, d, W.new_tensor([[0.02], [0.01]]), {})
        for row, one in enumerate(alone):
            one.step(d[row], 1.0)
    for row, one in enumerate(alone):
        torch.testing.assert_close(W[row], one.model.row, rtol=1e-5, atol=1e-5)
