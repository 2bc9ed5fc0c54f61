"""Contracts of lanes: what a lane computes does not depend on what else there is.

In double precision. Fused or with other lanes beside it, sums may add up in another order, which a
few epochs of steps amplify a little: hence 1e-9. Looped lanes are compared bit for bit: each lane
runs the same operations on the same numbers, whatever lies in the rows beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import load, save
from torch import Tensor

from vrtune.gradients.factored import LayerFactors
from vrtune.lanes import Lanes
from vrtune.lanes.states import packed, state_of, unpacked
from vrtune.testing import problem
from vrtune.testing.spy import watch
from vrtune.testing.tape import TapedReplay
from vrtune.trial_config import TrialConfig

EPOCHS = 3
Configs = Sequence[TrialConfig]  # three or more, of one program


def norm_of(configs: Configs) -> str:
    """Batch norm, which has the most to get wrong, unless samples need gradients of their own."""
    return "layer" if configs[0].estimator.of_samples else "batch"


def content(lanes: Lanes, row: int) -> dict[str, Tensor]:
    """Everything that a row trains with."""
    rows = lanes.rows
    groups = [rows.buffers, rows.estimator.state, rows.optimizer.state, *rows.hp.values()]
    groups += [rows.average.state, rows.mean]
    out = {"W": rows.W[row].clone()}
    for i, group in enumerate(groups):
        out |= {f"{i} {name}": tensor[row].clone() for name, tensor in group.items()}
    return out


def train(lanes: Lanes, epochs: int = EPOCHS) -> Tensor:
    """Training losses, [epochs, L]."""
    return torch.stack([lanes.train_epoch() for _ in range(epochs)])


def same(one: dict[str, Tensor], other: dict[str, Tensor], *, exactly: bool = False) -> None:
    """Two rows hold the same."""
    assert set(one) == set(other)
    for name, value in one.items():
        if exactly:
            assert torch.equal(value, other[name]), name
        else:
            said = partial("{}: {}".format, name)
            torch.testing.assert_close(value, other[name], rtol=1e-9, atol=1e-10, msg=said)


def fused_equals_looped(configs: Configs, norm: str) -> None:
    """Two ways to compute gradients, one training."""
    lanes = [problem.seat(configs, norm, fused=fused) for fused in (False, True)]
    losses = [train(some) for some in lanes]
    torch.testing.assert_close(losses[0], losses[1], rtol=1e-9, atol=0)
    for row in range(len(lanes[0].seats)):
        same(content(lanes[0], row), content(lanes[1], row))
    judged = [some.validate() for some in lanes]
    torch.testing.assert_close(judged[0], judged[1], rtol=1e-9, atol=0)


def together_equals_alone(configs: Configs, fused: bool) -> None:
    """Lanes with other settings beside a lane do not change it."""
    together = problem.seat(configs, norm_of(configs), fused=fused)
    losses = train(together)
    for row, config in enumerate(configs):
        name = ("fold 0", "fold 1")[row % 2]
        alone = problem.seat([config], norm_of([config]), fused=fused, names=[name])
        torch.testing.assert_close(train(alone)[:, 0], losses[:, row], rtol=1e-9, atol=0)
        same(content(together, row), content(alone, 0), exactly=not fused)


def refilled_equals_fresh(configs: Configs, fused: bool) -> None:
    """A lane that comes into a used row trains as in a fresh one; the others do not notice."""
    configs = list(configs)[:3]
    fresh = problem.seat(configs, norm_of(configs), fused=fused)
    losses = train(fresh, 2)
    lanes = problem.seat(configs[::-1], norm_of(configs), fused=fused)
    first = train(lanes, 1)
    lanes.refill([2, 1], [problem.lane(configs[0], 0), problem.lane(configs[1], 1)])
    assert [lane.epoch for lane in lanes.seats] == [1, 0, 0]
    later = train(lanes, 2)
    torch.testing.assert_close(later[:, [2, 1]], losses[:, [0, 1]], rtol=1e-9, atol=0)
    same(content(lanes, 2), content(fresh, 0), exactly=not fused)
    same(content(lanes, 1), content(fresh, 1), exactly=not fused)
    stayed = problem.seat(configs[::-1], norm_of(configs), fused=fused)
    undisturbed = train(stayed, 3)
    same(content(lanes, 0), content(stayed, 0), exactly=not fused)
    torch.testing.assert_close(
        torch.cat([first, later])[:, 0], undisturbed[:, 0], rtol=1e-9, atol=0
    )


def continued_equals_unbroken(configs: Configs, fused: bool) -> None:
    """Lanes that go on from what others had come to are those others, bit for bit: through a file,
    in other rows, which other lanes had before."""
    configs = list(configs)[:3]
    unbroken = problem.seat(configs, norm_of(configs), fused=fused)
    losses = train(unbroken, 4)
    cut_off = problem.seat(configs, norm_of(configs), fused=fused)
    train(cut_off, 2)
    states = [state_of(cut_off.rows, row, lane) for row, lane in enumerate(cut_off.seats)]
    tensors, told = packed(states)
    states = unpacked(load(save(tensors)), json.loads(json.dumps(told)))
    lanes = problem.seat(configs, norm_of(configs), fused=fused)
    train(lanes, 1)
    continued = [problem.lane(config, i) for i, config in enumerate(configs)]
    for lane, state in zip(continued, states, strict=True):
        lane.state = state
    lanes.refill([*range(len(configs))], continued)
    assert torch.equal(train(lanes, 2), losses[2:])
    for row, lane in enumerate(lanes.seats):
        same(content(lanes, row), content(unbroken, row), exactly=True)
        assert lane.gradient_computations == unbroken.seats[row].gradient_computations
    assert torch.equal(lanes.validate().loss, unbroken.validate().loss)


def replayed_equals_run(configs: Configs, fused: bool) -> None:
    """A step that is replayed as a CUDA graph would replay it trains as one that is run: nothing is
    taken from Python after the capture, and nothing moves in memory."""

    def run() -> tuple[Tensor, Lanes]:
        """Two epochs, a refill in a stream of its own, two more."""
        lanes = problem.seat(list(configs)[:3], norm_of(configs), fused=fused)
        losses = [lanes.train_epoch() for _ in range(2)]
        lanes.refill([1, 2], [problem.lane(configs[0], 2), problem.lane(configs[1], 5)])
        losses += [lanes.train_epoch() for _ in range(2)]
        return torch.stack(losses), lanes

    wanted, ordinary = run()
    TapedReplay.made = []
    with patch("vrtune.lanes.step.Replay", TapedReplay):
        losses, lanes = run()
    assert sum(replay.runs > 2 for replay in TapedReplay.made) >= 2, "both widths were replayed"
    # the tape runs the same operations in the same order
    torch.testing.assert_close(losses, wanted, rtol=1e-12, atol=0)
    torch.testing.assert_close(lanes.rows.W, ordinary.rows.W, rtol=1e-12, atol=1e-15)
    for group, other in zip(lanes.rows.groups(), ordinary.rows.groups(), strict=True):
        torch.testing.assert_close(group, other, rtol=1e-12, atol=1e-15)


def refill_moves_nothing(configs: Configs, fused: bool) -> None:
    """A captured graph reads and writes by address."""
    lanes = problem.seat(list(configs)[:3], norm_of(configs), fused=fused)

    def addresses() -> list[int]:
        tensors = [lanes.rows.W, lanes.batches.scale, lanes.batches.shift]
        tensors += [t for group in lanes.rows.groups() for t in group.values()]
        return [t.data_ptr() for t in tensors]

    lanes.train_epoch()
    before, steps = addresses(), dict(lanes._steps)
    lanes.refill([0, 2], [problem.lane(configs[1], 3), problem.lane(configs[2], 4)])
    lanes.train_epoch()
    assert addresses() == before, "a tensor of the state was replaced: change it in place"
    assert lanes._steps == steps


def counted_equals_computed(configs: Configs) -> None:
    """The gradient computations that lanes count are those that were made."""
    lanes = problem.seat(list(configs)[:3])
    computed = 0

    def counted(of_oracle: Callable[..., Any]) -> Callable[..., Any]:
        def called(W: Tensor, *rest: object, **how: object) -> Any:
            nonlocal computed
            computed += len(W)
            return of_oracle(W, *rest, **how)

        return called

    rule = lanes.rows.optimizer
    observe = rule.observe

    def shown(layers: Sequence[LayerFactors]) -> None:  # a pass of their own
        nonlocal computed
        computed += len(layers[0].A)
        observe(layers)

    with ExitStack() as patched:
        patched.enter_context(patch.object(rule, "observe", shown))
        for name in ("gradient", "each", "factors"):  # of a batch, or of all its samples
            own = counted(getattr(lanes.oracle, name))
            patched.enter_context(patch.object(lanes.oracle, name, own))
        train(lanes)
    counted_ones = sum(lane.gradient_computations for lane in lanes.seats)
    assert counted_ones == computed, (
        f"{counted_ones:.0f} are counted and {computed} made: set `cost` of the settings"
    )


def statistics_are_the_own_steps(configs: Configs, fused: bool) -> None:
    """Batch norm knows nothing of gradients at other points: its statistics are those of an
    ordinary module that runs forward once a step, at the step's weights.

    Looped, bit for bit. Fused, all lanes are one batch norm with more channels, whose sums may
    round differently.
    """
    lanes = problem.seat(configs, "batch", fused=fused)
    replayed = [problem.module_in(lanes, row) for row in range(len(lanes.seats))]
    seen = watch(lanes)
    train(lanes)
    for row, (lane, module) in enumerate(zip(lanes.seats, replayed, strict=True)):
        batches = [batch for epoch in problem.epochs_of(lane, EPOCHS) for batch in epoch]
        module.train()
        for (x, _), step in zip(batches, seen, strict=True):
            with torch.no_grad():
                torch.nn.utils.vector_to_parameters(step.weights[row], module.parameters())
                module(x)
        assert len(dict(module.named_buffers())) == 6
        for name, b in module.named_buffers():
            mine = lanes.rows.buffers[name][row]
            if fused:
                torch.testing.assert_close(mine, b, rtol=1e-12, atol=1e-14)
            else:
                assert torch.equal(mine, b), name
