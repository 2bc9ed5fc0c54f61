"""Means of the weights against torch.optim.swa_utils, in lanes and as a model of their own."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from contracts.settings import AVERAGE_SETTINGS
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_avg_fn, get_swa_avg_fn

from vrtune import SGD, Exponential, Polyak, TrialConfig
from vrtune.optim import Averaged
from vrtune.testing import contracts, problem
from vrtune.testing.units import every_setting_is_varied
from vrtune.units import AverageSettings

EPOCHS = 3

CONTRACTS = [
    *contracts(*AVERAGE_SETTINGS["polyak"]),
    *contracts(*AVERAGE_SETTINGS["exponential"]),
]


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_contracts(contract) -> None:
    contract()


@pytest.mark.parametrize("kind", ["polyak", "exponential"])
def test_every_setting_is_varied(kind: str) -> None:
    every_setting_is_varied(AVERAGE_SETTINGS[kind])


def twin(model: nn.Module, average: AverageSettings) -> AveragedModel:
    """PyTorch's own."""
    rate = get_ema_avg_fn(average.decay) if isinstance(average, Exponential) else get_swa_avg_fn()
    return AveragedModel(model, avg_fn=rate, use_buffers=True)


@pytest.mark.parametrize(
    "average",
    [Polyak(start_share=0.0), Polyak(start_share=0.5), Exponential(decay=0.7)],
    ids=repr,
)
def test_lanes_are_judged_by_the_twins_mean(average: AverageSettings) -> None:
    """Weights, batch-norm statistics, and the loss on the validation part; the weights that train
    are those without an average."""
    configs = [TrialConfig(optimizer=SGD(lr=0.1), average=average)]
    lanes = problem.seat(configs, "batch", fused=False)
    plain = problem.seat([TrialConfig(optimizer=SGD(lr=0.1))], "batch", fused=False)
    model = problem.module_in(lanes, 0)
    mean = twin(model, average)
    for _ in range(EPOCHS):
        plain.train_epoch()
    own = Averaged(model, average, epochs=lanes.epochs, steps=plain.steps_done)
    first = 0
    if isinstance(average, Polyak):
        first = min(round(average.start_share * lanes.epochs), lanes.epochs - 1)

    def after_step(epoch: int) -> None:
        with torch.no_grad():
            torch.nn.utils.vector_to_parameters(lanes.rows.W[0], model.parameters())
            for name, b in model.named_buffers():
                b.copy_(lanes.rows.buffers[name][0])
        if epoch >= first:
            mean.update_parameters(model)
        own.update_parameters(model)

    for epoch in range(EPOCHS):
        lanes.train_epoch(partial(after_step, epoch))
    assert torch.equal(lanes.rows.W, plain.rows.W)
    named = lanes.rows.named()
    for name, wanted in mean.module.state_dict().items():
        if wanted.is_floating_point():
            torch.testing.assert_close(named[name][0], wanted, rtol=1e-6, atol=1e-7)
            torch.testing.assert_close(own.module.state_dict()[name], wanted, rtol=1e-6, atol=1e-7)
            assert not torch.equal(named[name][0], plain.rows.named()[name][0])
    with torch.no_grad():  # what plain weights are judged by, at the twin's
        row = torch.nn.utils.parameters_to_vector(mean.module.parameters())
        plain.rows.W[0] = row
        for name, b in mean.module.named_buffers():
            plain.rows.buffers[name][0] = b
    torch.testing.assert_close(lanes.validate().loss, plain.validate().loss, rtol=1e-6, atol=0)


def test_a_mean_goes_on_where_it_was_saved() -> None:
    model = nn.Linear(3, 2)
    ways = [Averaged(model, Polyak(start_share=0.0), epochs=4, steps=2) for _ in range(2)]
    for step in range(4):
        with torch.no_grad():
            model.weight.add_(step)
        ways[0].update_parameters(model)
    ways[1].load_state_dict(ways[0].state_dict())
    with torch.no_grad():
        model.weight.add_(1)
    for way in ways:
        way.update_parameters(model)
    assert torch.equal(ways[0].module.weight, ways[1].module.weight)
    assert torch.equal(ways[0].module.bias, model.bias)


def test_the_last_epoch_is_always_in_the_mean() -> None:
    lanes = problem.seat([TrialConfig(optimizer=SGD(lr=0.1), average=Polyak(start_share=0.99))])
    for _ in range(lanes.epochs):
        before = lanes.rows.mean[""].clone()
        lanes.train_epoch()
    assert lanes.rows.average.state["steps"].item() > 0
    assert not torch.equal(lanes.rows.mean[""], lanes.rows.W)
    assert not torch.equal(lanes.rows.mean[""], before)
