"""Users' models in lanes: the same on every path, or looped or refused with a sentence."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import Tensor, nn

from vrtune import SGD, SVRG, MetaInit, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.errors import UsageError
from vrtune.lanes import Lane, Lanes
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.rows import Program
from vrtune.lanes.workspace import Workspace
from vrtune.models import own

CPU = torch.device("cpu")
LIKE = TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.1))

NETS = '''
import torch
import torch.nn.functional as F
from torch import nn

class Dropping(nn.Module):
    """Convolution, batch norm and dropout."""
    def __init__(self, shape, classes):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(shape[0], 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2))
        self.planes, self.drop = nn.Dropout2d(0.2), nn.Dropout(0.4)
        self.last = nn.Linear(36, classes)
    def forward(self, x):
        return self.last(self.drop(self.planes(self.layers(x)).view(-1, 36)))

class Hidden(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.hidden, self.last = nn.Linear(shape[1] * shape[2], 8), nn.Linear(8, outputs)
    def do(self, h):
        return h
    def forward(self, x):
        return self.last(self.do(torch.tanh(self.hidden(x.flatten(1)))))

class Counting(Hidden):
    """Its outputs depend on what it has seen."""
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("mean", torch.zeros(8), persistent=False)
    def do(self, h):
        if self.training:
            self.count.add_(1)
            self.mean.lerp_(h.detach().mean(0), 0.1)
        return h - self.mean

class Reading(nn.Module):
    """Rows of an image as a sequence."""
    def __init__(self, shape, classes):
        super().__init__()
        self.rnn = nn.LSTM(shape[2], 8, batch_first=True)
        self.last = nn.Linear(8, classes)
    def forward(self, x):
        return self.last(self.rnn(x[:, 0])[0][:, -1])

class Attending(nn.Module):
    def __init__(self, shape, classes, dropout=0.0):
        super().__init__()
        self.embed = nn.Linear(shape[2], 8)
        self.attention = nn.MultiheadAttention(8, 2, dropout=dropout, batch_first=True)
        self.norm, self.last = nn.LayerNorm(8), nn.Linear(8, classes)
    def forward(self, x):
        h = self.embed(x[:, 0])
        h = self.norm(h + self.attention(h, h, h, need_weights=False)[0])
        return self.last(h.mean(1))

def forgetting(shape, classes):
    return Attending(shape, classes, 0.2)

def lazy(classes):
    layers = nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(classes)
    return nn.Sequential(*layers)

class Frozen(Hidden):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.hidden.requires_grad_(False)

class Tied(Hidden):
    def __init__(self, shape, classes):
        super().__init__(shape, classes)
        self.one, self.other, self.unused = (nn.Linear(8, 8) for _ in range(3))
        self.other.weight = self.one.weight
    def do(self, h):
        return torch.tanh(self.other(torch.tanh(self.one(h))))

class Drawing(Hidden):
    def do(self, h):
        return F.dropout(h, 0.3, self.training)

class Branching(Hidden):
    def do(self, h):
        return h if h.sum() > 0 else 0.9 * h

def sequential(shape, classes, norm):
    n = shape[0] * shape[1] * shape[2]
    between = nn.BatchNorm1d(8) if norm == "batch" else nn.Identity()
    layers = nn.Flatten(), nn.Linear(n, 8), between, nn.ReLU(), nn.Dropout(0.1)
    return nn.Sequential(*layers, nn.Linear(8, classes))

class Absolute(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.abs()
    @staticmethod
    def backward(ctx, g):
        return Sign.apply(g, *ctx.saved_tensors)

class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, g, x):
        return g * x.sign()
    @staticmethod
    def backward(ctx, g):
        raise NotImplementedError("that is enough")

class Once(Hidden):
    def do(self, h):
        return Absolute.apply(h)
'''
FUSED = ("Dropping", "Counting", "Attending", "lazy", "Frozen", "Tied", "sequential")
LOOPED = ("Reading", "forgetting", "Drawing", "Branching")


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("own") / "nets.py"
    path.write_text(NETS)
    return str(path)


def workspace(nets: str, name: str, **fields: object) -> Workspace:
    """Images of 6x6 whose brightness tells their class."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(48) % 3
    x = torch.randn(48, 1, 6, 6, generator=generator) + y.view(-1, 1, 1, 1)
    dataset = Dataset("made", 3, Part(x, y), lambda: Part(x, y))
    own = {"dataset": "made", "model": f"{nets}:{name}", "folds": 2, "batch_size": 7, "epochs": 2}
    return Workspace(Task(**own | fields), Path(), CPU, dataset)


def seat(space: Workspace, *, fused: bool, trials: int = 1) -> Lanes:
    lanes = space.lanes(Program.of(LIKE), fused=fused)
    lanes.append([Lane(n, LIKE, stream) for n in range(trials) for stream in space.folds])
    return lanes


def trained(space: Workspace, *, fused: bool) -> list[Tensor]:
    """Losses, judgement, and all that is kept."""
    lanes = seat(space, fused=fused)
    losses = torch.stack([lanes.train_epoch() for _ in range(3)])
    return [losses, lanes.validate().loss, *lanes.rows.named().values()]


@pytest.mark.parametrize("name", FUSED)
def test_lanes_train_the_same_fused_and_looped(nets: str, name: str) -> None:
    space = workspace(nets, name, norm="batch" if name == "sequential" else "none")
    found = plan(space, LIKE, "auto", 2)
    assert found.fused
    assert not found.note
    torch.testing.assert_close(
        trained(space, fused=True), trained(space, fused=False), rtol=1e-3, atol=1e-5
    )


def test_a_model_of_channels_stands_side_by_side_with_its_dropout(nets: str) -> None:
    """Its view(-1, 36) takes rows of other lanes for samples: that one is fused by vmap."""
    oracle = seat(workspace(nets, "Dropping"), fused=True).oracle
    assert type(oracle).__name__ == "Fused"
    oracle = seat(workspace(nets, "sequential", norm="none"), fused=True).oracle
    assert type(oracle).__name__ == "SideBySide"


@pytest.mark.parametrize("name", LOOPED)
def test_what_can_not_be_fused_is_looped_with_a_sentence(nets: str, name: str) -> None:
    space = workspace(nets, name)
    found = plan(space, LIKE, "auto", 2)
    assert not found.fused
    why = "it draws random" if name in ("forgetting", "Drawing") else "torch.vmap can't follow it"
    assert re.fullmatch(rf".*:{name} can't be fused, as {why}.*: its trainings take .*", found.note)
    with pytest.raises(UsageError, match=r"can't be fused, as .*: use --fuse off"):
        plan(space, LIKE, "on", 2)
    assert not plan(space, LIKE, "off", 2).note


@pytest.mark.parametrize("name", LOOPED)
def test_looped_lanes_do_not_see_each_other(nets: str, name: str) -> None:
    space = workspace(nets, name)
    before = torch.random.get_rng_state()
    one, two = seat(space, fused=False), seat(space, fused=False, trials=2)
    torch.rand(5)
    for _ in range(2):
        one.train_epoch()
        two.train_epoch()
        torch.rand(3)
    assert torch.equal(two.rows.W[2:], one.rows.W)
    assert torch.equal(two.rows.W[:2], one.rows.W)
    torch.random.set_rng_state(before)


def test_a_lane_is_a_plain_loop_over_the_users_module(nets: str) -> None:
    """With frozen weights, tied ones and unused ones, as PyTorch trains them."""
    for name in ("Frozen", "Tied", "Counting", "Reading"):
        space = workspace(nets, name)
        config = TrialConfig(optimizer=SGD(lr=0.1))
        lanes = space.lanes(Program.of(config), fused=False)
        lanes.append([Lane(0, config, space.folds[0])])
        module = own.own_model(f"{nets}:{name}", (1, 6, 6), 3, "none")
        missing = module.load_state_dict(row_of(lanes), strict=False)
        assert not missing.unexpected_keys
        assert set(missing.missing_keys) <= {"mean"}
        trainable = [p for p in module.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trainable, lr=0.1)
        for _ in range(2):
            lanes.train_epoch()
            for index in lanes.batches:
                x, y = lanes.batches.fetch(index)
                optimizer.zero_grad()
                F.cross_entropy(module(x[0]), y[0]).backward()
                optimizer.step()
        torch.testing.assert_close(row_of(lanes), dict(module.state_dict()), rtol=1e-4, atol=1e-6)


def row_of(lanes: Lanes) -> dict[str, Tensor]:
    return {name: tensor[0].clone() for name, tensor in lanes.rows.named().items()}


@pytest.mark.parametrize("name", [*FUSED, *LOOPED])
def test_what_is_kept_is_what_the_users_module_loads(nets: str, name: str) -> None:
    space = workspace(nets, name)
    pool = Pool(space, space.folds, fused=False)
    pool.exchange([], {0: LIKE})
    (weights, _) = pool.weights(0)
    module = own.own_model(f"{nets}:{name}", (1, 6, 6), 3, "none")
    assert {*weights} == {*module.state_dict()}
    module.load_state_dict(load(save(weights)))  # refuses tensors that share memory


def test_frozen_weights_stay_as_they_were_drawn(nets: str) -> None:
    lanes = seat(workspace(nets, "Frozen"), fused=True)
    before = row_of(lanes)
    lanes.train_epoch()
    after = row_of(lanes)
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert same == {"hidden.weight", "hidden.bias"}
    assert not torch.equal(
        lanes.rows.buffers["hidden.bias"][0], lanes.rows.buffers["hidden.bias"][1]
    )
    assert lanes.rows.W.shape[1] == 8 * 3 + 3


@pytest.mark.parametrize("name", ["Dropping", "Tied", "Reading", "Drawing", "Attending"])
def test_metainit_starts_them(nets: str, name: str) -> None:
    space = workspace(nets, name)
    config = TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=2))
    fused = plan(space, config, "auto", 2).fused
    found = []
    for way in {fused, False}:
        lanes = space.lanes(Program.of(config), fused=way)
        lanes.append([Lane(0, config, stream) for stream in space.folds])
        found.append(lanes.rows.W)
        assert bool(lanes.rows.W.isfinite().all())
    torch.testing.assert_close(found[0], found[-1], rtol=1e-3, atol=1e-5)


def test_metainit_is_refused_where_there_are_no_second_derivatives(nets: str) -> None:
    config = TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(steps=2))
    with pytest.raises(UsageError, match=r"takes derivatives of gradients, which .*:Once does not"):
        plan(workspace(nets, "Once"), config, "auto", 2)
    assert plan(workspace(nets, "Once"), LIKE, "auto", 2)


def test_batch_norm_is_found_in_the_layers(nets: str) -> None:
    with pytest.raises(UsageError, match="the variance of one sample: use a batch size of at"):
        workspace(nets, "Dropping", batch_size=1)
    assert workspace(nets, "Counting", batch_size=1)


def test_a_model_that_will_not_do_is_refused_before_a_search(nets: str) -> None:
    path = Path(nets).with_name("wrong.py")
    path.write_text(NETS + "\ndef wrong(shape, classes):\n    return Hidden(shape, classes + 1)\n")
    with pytest.raises(UsageError, match=r"outputs of shape \[3, 4\] for a batch"):
        workspace(str(path), "wrong")


def test_a_model_learns_numbers(nets: str) -> None:
    """One output; named outputs or classes."""
    x, y = torch.randn(40, 1, 6, 6), torch.randn(40)
    dataset = Dataset("made", 0, Part(x, y), lambda: Part(x, y))
    task = Task(dataset="made", model=f"{nets}:Drawing", folds=2, batch_size=7)
    space = Workspace(task, Path(), CPU, dataset)
    lanes = seat(space, fused=plan(space, LIKE, "auto", 2).fused)
    assert bool(lanes.train_epoch().isfinite().all())


def test_the_users_module_itself_is_not_changed(nets: str) -> None:
    space = workspace(nets, "Dropping")
    module = own.own_model(space.task.model, (1, 6, 6), 3, "none")
    assert type(module.drop) is nn.Dropout
    assert type(space.make().drop) is not nn.Dropout
    assert type(copy.deepcopy(module).drop) is nn.Dropout
