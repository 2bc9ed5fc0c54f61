"""What lanes do not train is a buffer; what a module draws by itself is seeded by its key."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vrtune.gradients.keyed import KEY
from vrtune.gradients.layout import flatten
from vrtune.gradients.looped import Looped
from vrtune.gradients.prepared import Habits, draws_globally, prepared


def frozen(module: nn.Module) -> nn.Module:
    return module.requires_grad_(False)


def test_frozen_parameters_become_buffers_under_their_names() -> None:
    module = nn.Sequential(frozen(nn.Linear(4, 3)), nn.Linear(3, 2))
    names = [*module.state_dict()]
    x = torch.randn(5, 4)
    wanted = module(x)
    assert prepared(module) is module
    assert [name for name, _ in module.named_parameters()] == ["1.weight", "1.bias"]
    assert [name for name, _ in module.named_buffers()] == ["0.weight", "0.bias"]
    assert sorted(module.state_dict()) == sorted(names)
    torch.testing.assert_close(module(x), wanted)


def test_tied_frozen_parameters_stay_tied() -> None:
    first, second = frozen(nn.Linear(3, 3)), nn.Linear(3, 3)
    second.weight = first.weight
    module = prepared(nn.Sequential(first, second))
    assert module[0].weight is module[1].weight
    assert [name for name, _ in module.named_buffers()] == ["0.weight", "0.bias"]


def test_a_frozen_recurrent_layer_uses_the_buffers_of_its_lane() -> None:
    class Reading(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.rnn, self.last = frozen(nn.LSTM(3, 4, batch_first=True)), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.last(self.rnn(x)[0][:, -1])
            return out

    modules = [prepared(Reading()) for _ in range(2)]
    x, y = torch.randn(2, 5, 6, 3), torch.randint(2, (2, 5))
    W = torch.stack([flatten(module) for module in modules])
    named = [dict(module.named_buffers()) for module in modules]
    buffers = {name: torch.stack([own[name] for own in named]) for name in named[0]}
    oracle = Looped(copy.deepcopy(modules[0]))
    _, losses = oracle.gradient(W, buffers, x, y)
    wanted = [F.cross_entropy(m(x[i]), y[i]) for i, m in enumerate(modules)]
    torch.testing.assert_close(losses, torch.stack(wanted).detach())


class Noisy(nn.Module):
    """Draws outside of dropout layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        if (x > 1e6).any():
            raise ValueError("too much")
        return F.dropout(self.layer(x), 0.5, self.training)


def test_random_numbers_are_seeded_by_the_key_and_the_callers_stay() -> None:
    module = copy.deepcopy(prepared(Noisy(), Habits(draws=True)))
    assert draws_globally(module)
    assert not draws_globally(prepared(Noisy()))
    x = torch.ones(50, 4)
    module._buffers[KEY] = torch.tensor([3, -4], dtype=torch.int32)
    before = torch.random.get_rng_state()
    first = module(x)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.rand(3)
    assert torch.equal(module(x), first)
    module._buffers[KEY] = torch.tensor([3, -5], dtype=torch.int32)
    assert not torch.equal(module(x), first)
    before = torch.random.get_rng_state()
    with pytest.raises(ValueError, match="too much"):
        module(x * 1e9)
    assert torch.equal(torch.random.get_rng_state(), before)
    module.eval()
    assert torch.equal(module(x), module(x))


def test_only_one_thread_draws() -> None:
    oracle = Looped(prepared(Noisy(), Habits(draws=True)), threads=2)
    assert len(oracle.modules) == 1
    oracle.use_threads(4)
    assert oracle.executor is None
    assert len(Looped(prepared(Noisy()), threads=2).modules) == 2
