"""Keyed dropout: masks of the right rate that nothing but their key decides."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils.checkpoint import checkpoint

from vrtune.gradients.cpu.side_by_side import SideBySide, suits
from vrtune.gradients.fused import Fused
from vrtune.gradients.keyed import KEY, LAYERS, Draws, words
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle
from vrtune.gradients.prepared import Habits, prepared


def keys(count: int, seed: int = 0) -> Tensor:
    """As lanes have them, [count, 2]."""
    generator = torch.Generator().manual_seed(seed)
    return words(torch.randint(-(2**62), 2**62, (count,), generator=generator))


def alone(layer: nn.Module) -> Callable[[Tensor, Tensor], Tensor]:
    """A dropout layer as a function of its key and its inputs."""
    root = prepared(nn.Sequential(layer)).train()

    def run(key: Tensor, x: Tensor) -> Tensor:
        root._buffers[KEY] = key
        out: Tensor = root(x)
        return out

    return run


# ---- what a mask is ----------------------------------------------------------------------------


def deviations(found: Tensor, p: float) -> float:
    """How far the share of ones is from 1 - p, in standard deviations."""
    return float((found.double().mean() - 1 + p) / math.sqrt(p * (1 - p) / found.numel()))


@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
def test_elements_are_zero_with_probability_p_and_the_rest_is_scaled(p: float) -> None:
    run, x = alone(nn.Dropout(p)), torch.ones(64, 50)
    masks = torch.stack([run(key, x) for key in keys(60)])
    torch.testing.assert_close(masks.unique(), torch.tensor([0, 1 / (1 - p)]))
    kept = masks > 0
    assert abs(deviations(kept, p)) < 4
    of_each = [deviations(mask, p) for mask in kept]
    assert max(map(abs, of_each)) < 4.5
    assert 0.6 < float(torch.tensor(of_each).square().mean()) < 1.5  # as far off as by chance


@pytest.mark.parametrize("step", [(1, 0), (0, 1), (1, 1), (65536, 0)])
def test_bits_of_other_keys_layers_calls_elements_are_independent(
    step: tuple[int, int],
) -> None:
    """Also of keys that differ in a single bit. Correlations are those of chance."""
    root = nn.Linear(1, 1)
    root.register_buffer(KEY, torch.zeros(2, dtype=torch.int32))
    draws, n = Draws(root), 20_000

    def uniform(layer: int) -> Tensor:
        return draws.bits(layer, (n,)).double() / 2**31 * math.sqrt(3)

    first, found = uniform(0), []
    found += [uniform(0), uniform(0), uniform(1), uniform(2)]
    for i in range(1, 20):
        draws.begin(root, ())
        root._buffers[KEY] = torch.tensor([i * step[0], i * step[1]], dtype=torch.int32)
        found += [uniform(0), uniform(1)]
    off = [float((first * other).mean()) * math.sqrt(n) for other in found]
    off += [float((first[lag:] * first[:-lag]).mean()) * math.sqrt(n) for lag in range(1, 40)]
    assert max(map(abs, off)) < 4.5
    assert 0.5 < float(torch.tensor(off).square().mean()) < 1.7


def test_every_layer_has_its_own_share() -> None:
    module = prepared(nn.Sequential(nn.Dropout(0.1), nn.Dropout(0.7), nn.Dropout(0.4))).train()
    shares = [float((layer(torch.ones(200, 200)) == 0).float().mean()) for layer in module]
    assert shares == pytest.approx([0.1, 0.7, 0.4], abs=0.01)


@pytest.mark.parametrize(
    ("layer", "shape", "planes"),
    [
        (nn.Dropout1d(0.5), (4, 6, 50), (4, 6)),
        (nn.Dropout1d(0.5), (6, 50), (6,)),
        (nn.Dropout2d(0.5), (4, 6, 5, 5), (4, 6)),
        (nn.Dropout3d(0.5), (4, 6, 3, 3, 3), (4, 6)),
        (nn.Dropout3d(0.5), (6, 3, 3, 3), (6,)),
        (nn.FeatureAlphaDropout(0.5), (4, 6, 5, 5), (4, 6)),
    ],
)
def test_whole_planes_are_dropped(
    layer: nn.Module, shape: tuple[int, ...], planes: tuple[int, ...]
) -> None:
    """The planes that PyTorch drops, to the values that it gives them."""
    x = torch.ones(shape)
    theirs = torch.stack([copy.deepcopy(layer)(x) for _ in range(9)]).unique()
    y = alone(layer)(keys(1)[0], x)
    torch.testing.assert_close(y.unique(), theirs)
    assert len({*map(tuple, y.view(math.prod(planes), -1).unique(dim=1).T.tolist())}) == 1
    assert len(y.unique()) == 2


def test_alpha_dropout_is_pytorchs() -> None:
    x = torch.randn(5, 4)
    theirs = torch.stack([F.alpha_dropout(x, 0.3, True) for _ in range(99)])
    y = torch.stack([alone(nn.AlphaDropout(0.3))(key, x) for key in keys(99)])
    torch.testing.assert_close(y.amin(0), theirs.amin(0))
    torch.testing.assert_close(y.amax(0), theirs.amax(0))


@pytest.mark.parametrize("kind", LAYERS)
def test_the_ends_and_eval_mode(kind: type[nn.Module]) -> None:
    x = torch.randn(2, 3, 4)[..., None, None] if kind is nn.Dropout3d else torch.randn(2, 3, 4)
    assert torch.equal(alone(kind(0.0))(keys(1)[0], x), x)
    assert not alone(kind(1.0))(keys(1)[0], x).any()
    module = prepared(nn.Sequential(kind(0.5))).eval()
    assert torch.equal(module(x), x)


def test_in_place_is_in_place() -> None:
    x = torch.ones(4, 4)
    assert alone(nn.Dropout(0.5, inplace=True))(keys(1)[0], x) is x
    assert not bool(x.all())


def test_global_random_numbers_are_neither_used_nor_moved() -> None:
    run, x, (key,) = alone(nn.Dropout(0.5)), torch.ones(20, 20), keys(1)
    before = torch.random.get_rng_state()
    first = run(key, x)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(9)
    assert torch.equal(run(key, x), first)


# ---- in a module -------------------------------------------------------------------------------


class Deep(nn.Module):
    """Dropout in several places, a layer of it called twice."""

    def __init__(self, p: float = 0.4) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 4, 3), nn.Dropout2d(p), nn.Tanh(), nn.Flatten())
        self.hidden, self.last = nn.Linear(64, 12), nn.Linear(12, 3)
        self.drop = nn.Dropout(p)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.hidden(self.drop(self.features(x))))
        out: Tensor = self.last(self.drop(h))
        return out


def seated(module: nn.Module) -> tuple[Tensor, dict[str, Tensor], Tensor, Tensor]:
    W = torch.stack([flatten(module) + i / 9 for i in range(4)])
    return W, {KEY: keys(4)}, torch.randn(4, 6, 2, 6, 6), torch.randint(3, (4, 6))


@pytest.mark.parametrize("way", [Fused, SideBySide])
def test_masks_are_the_same_fused_and_looped(way: type[Oracle]) -> None:
    module = prepared(Deep())
    assert suits(module)
    W, buffers, x, y = seated(module)
    found = way(copy.deepcopy(module)).gradient(W, buffers, x, y)
    torch.testing.assert_close(found, Looped(module).gradient(W, buffers, x, y))
    other = Looped(module).gradient(W, {KEY: keys(4, seed=1)}, x, y)
    assert float((other[0] - found[0]).norm()) > 0.1 * float(found[0].norm())


def test_in_double_precision_the_masks_are_those_of_single() -> None:
    masks = [
        torch.stack([alone(nn.Dropout(0.3))(key, torch.ones(9, 9, dtype=dtype)) for key in keys(5)])
        for dtype in (torch.float32, torch.float64, torch.bfloat16)
    ]
    assert torch.equal(masks[0] > 0, masks[1] > 0)
    assert torch.equal(masks[0] > 0, masks[2] > 0)
    assert masks[2].dtype == torch.bfloat16


def test_a_layer_that_is_called_twice_draws_twice() -> None:
    """And the same two masks in the next forward pass."""
    seen: list[Tensor] = []

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop = nn.Dropout(0.5)

        def forward(self, x: Tensor) -> Tensor:
            seen.extend([self.drop(x), self.drop(x)])
            return x

    module = prepared(Twice()).train()
    for _ in range(2):
        module(torch.ones(30))
    assert not torch.equal(seen[0], seen[1])
    assert torch.equal(torch.stack(seen[:2]), torch.stack(seen[2:]))


def test_what_is_computed_again_draws_the_same() -> None:
    class Saving(Deep):
        def forward(self, x: Tensor) -> Tensor:
            h = checkpoint(self.features, x, use_reentrant=False)
            h = checkpoint(lambda h: torch.relu(self.hidden(self.drop(h))), h, use_reentrant=False)
            out: Tensor = self.last(self.drop(h))
            return out

    saving = prepared(Saving(), Habits(recomputes=True))
    plain = prepared(Deep(), Habits(recomputes=True))
    plain.load_state_dict(saving.state_dict())
    W, buffers, x, y = seated(plain)
    found = [Looped(module).gradient(W, buffers, x, y) for module in (saving, plain)]
    torch.testing.assert_close(*found)


def test_the_users_class_and_what_is_saved_stay_as_they_are() -> None:
    module, before = prepared(Deep()), Deep()
    assert type(before.drop) is nn.Dropout
    assert isinstance(module.drop, nn.Dropout)
    assert module.state_dict().keys() == before.state_dict().keys()
    assert KEY in dict(module.named_buffers())
    again = copy.deepcopy(module)
    assert isinstance(again, Deep)
    again._buffers[KEY] = keys(1)[0]
    x = torch.ones(3, 2, 6, 6)
    assert not torch.equal(again(x), module(x))  # each by its own key


def test_a_module_without_dropout_gets_no_key() -> None:
    module = prepared(nn.Sequential(nn.Flatten(), nn.Linear(4, 3)))
    assert not dict(module.named_buffers())
    assert not module._forward_pre_hooks


def test_a_mask_depends_on_nothing_beside_its_lane() -> None:
    module = prepared(Deep()).train()
    _, buffers, x, _ = seated(module)
    named = {name: p.detach() for name, p in module.named_parameters()}

    def one(key: Tensor, xi: Tensor) -> Tensor:
        out: Tensor = functional_call(module, {**named, KEY: key}, (xi,))
        return out

    together = vmap(one)(buffers[KEY], x)
    for lane in range(4):
        torch.testing.assert_close(together[lane], one(buffers[KEY][lane], x[lane]))
