"""MetaInit on a plain module is that of a lane, and leaves everything else as it was."""

from __future__ import annotations

from typing import Any, Literal

import pytest
import torch
from reference import nets
from torch import Tensor, nn

from vrtune import SGD, MetaInit, TrialConfig
from vrtune.errors import UsageError
from vrtune.inits import Init, InitSettings
from vrtune.lanes.initialise import noise
from vrtune.optim.metainit import JUDGED, initialise, metainit, start
from vrtune.testing import problem

PLAIN = TrialConfig(optimizer=SGD(lr=0.1))


@pytest.mark.parametrize("norm", ["none", "batch", "layer"])
def test_equals_a_lane_on_the_same_noise(norm: str) -> None:
    settings = MetaInit(lr=0.05, steps=4)
    model = problem.module_in(problem.seat([PLAIN], norm), 0)
    lanes = problem.seat([TrialConfig(optimizer=SGD(lr=0.1), init=settings)], norm)

    def probe(step: int) -> tuple[Tensor, Tensor]:
        return noise(lanes, [0], [lanes.seats[0].stream], max(step, 0))

    trained = dict(model.named_parameters())
    before = nn.utils.parameters_to_vector(model.parameters()).detach()
    start(model, trained, settings, probe)
    after = nn.utils.parameters_to_vector(model.parameters()).detach()
    torch.testing.assert_close(after, lanes.rows.W[0], rtol=1e-9, atol=1e-11)
    assert (after - before).norm() > 0.01
    assert max(JUDGED) < 0


def net() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Tanh(), nn.Flatten(), nn.Linear(64, 3)
    )
    with torch.no_grad():
        model[4].weight.mul_(4)
    return model


def test_lowers_the_quotient_and_scales_matrices_alone() -> None:
    """Signed steps on noise jump about, so the median of five seeds is judged."""
    ratios = []
    for seed in range(5):
        torch.manual_seed(seed)
        model = nets.badly_scaled(nn.Tanh)
        found = metainit(model, (1, 4, 4), batch_size=16, steps=100, momentum=0.5, seed=seed)
        ratios.append(found.after / found.before)
    assert sorted(ratios)[2] < 0.7
    model, state = net().eval(), torch.get_rng_state()
    old = {name: value.clone() for name, value in model.state_dict().items()}
    metainit(model, (1, 6, 6), steps=5, seed=3)
    assert not model.training
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in model.state_dict().items():
        if value.dim() > 1:
            ratio = value / old[name]
            assert ratio.std() < 1e-5, name
            assert abs(ratio.mean() - 1) > 0.01, name
        else:
            assert torch.equal(value, old[name]), name


def test_the_seed_decides() -> None:
    found, ends = [], []
    for seed in (1, 1, 2):
        model = net()
        torch.manual_seed(seed + 5)
        found.append(metainit(model, (1, 6, 6), steps=2, seed=seed))
        ends.append(model[4].weight.detach().clone())
    assert found[0] == found[1] != found[2]
    assert torch.equal(ends[0], ends[1])


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match=r"steps: .*greater than or equal to 1"):
        metainit(net(), (1, 6, 6), steps=0)
    with pytest.raises(UsageError, match="two classes or more"):
        metainit(nn.Linear(3, 1), (3,), steps=1)
    with pytest.raises(UsageError, match="no weight tensor"):
        metainit(net().requires_grad_(False), (1, 6, 6))
    with pytest.raises(UsageError, match="no init 'meta'"):
        initialise(net(), (1, 6, 6), {"kind": "meta"})


def test_inits_of_ones_own() -> None:
    class Tenth(InitSettings):
        kind: Literal["tenth_for_optim"] = "tenth_for_optim"

    try:

        class TenthInit(Init):
            settings = Tenth

            def start(self, parameters: Any, hp: Any, losses: Any, probe: Any) -> None:
                assert losses(parameters, *probe(0)).shape == (1,)
                parameters[0].mul_(0.1)

        model = net()
        old = model[0].weight.detach().clone()
        initialise(model, (1, 6, 6), Tenth())
        torch.testing.assert_close(model[0].weight.detach(), old / 10)
    finally:
        InitSettings.enrolled.pop("tenth_for_optim", None)
