"""Every step rule equals its torch.optim twin, in parameters and state."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import OPTIMIZER_SETTINGS
from contracts.twins import TWINS
from torch import Tensor

from vrtune.config import OptimizerSettings
from vrtune.lanes.rows import numbers
from vrtune.optimizers import OPTIMIZERS, StepRule

STEPS, SIZE = 50, 7


def prepared(
    rule_type: type[StepRule], settings: list[OptimizerSettings], weights: Tensor
) -> tuple[StepRule, dict[str, Tensor]]:
    """A rule with one lane for each of the settings, and the hyperparameters [L, 1]."""
    columns = [numbers(s) for s in settings]
    hp = {name: weights.new_tensor([c[name] for c in columns]) for name in columns[0]}
    rule = rule_type(weights)
    rule.admit(torch.arange(len(weights)), hp)
    return rule, hp


def test_every_rule_has_settings_and_a_twin() -> None:
    assert set(OPTIMIZER_SETTINGS) == set(OPTIMIZERS)
    assert set(TWINS) == set(OPTIMIZERS)


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_every_field_is_varied(kind: str) -> None:
    """A setting that no test varies could mean anything."""
    fields = set(OPTIMIZERS[kind].settings.model_fields) - {"kind"}
    varied = {
        name
        for name in fields
        if len({str(getattr(s, name)) for s in OPTIMIZER_SETTINGS[kind]}) > 1
    }
    assert varied == fields


# In float32, 1 - 0.999 is off by 1.3e-5 and Adam's state with it: the rows hold beta in float32,
# torch.optim in double. It cancels in the weights.
@pytest.mark.parametrize(
    ("dtype", "rtol", "state_rtol"),
    [(torch.float64, 1e-9, 1e-9), (torch.float32, 1e-6, 2e-5)],
    ids=["float64", "float32"],
)
@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rule_equals_its_twin(
    kind: str, dtype: torch.dtype, rtol: float, state_rtol: float
) -> None:
    settings = OPTIMIZER_SETTINGS[kind]
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(len(settings), SIZE, generator=generator, dtype=dtype)
    gradients = torch.randn(STEPS, len(settings), SIZE, generator=generator, dtype=dtype)
    alone = [torch.nn.Parameter(row.clone()) for row in weights]
    twins = [TWINS[kind]([p], s.model_dump()) for p, s in zip(alone, settings, strict=True)]
    assert [type(twin).__name__ for twin in twins] == [s.twin() for s in settings]
    rule, hp = prepared(OPTIMIZERS[kind], settings, weights)
    for step, d in enumerate(gradients):
        rule.step(weights, d.clone(), hp["lr"], hp)
        for row, (p, twin) in enumerate(zip(alone, twins, strict=True)):
            p.grad = d[row].clone()
            twin.step()
            where = f"{settings[row]!r}, step {step + 1}"
            close(weights[row], p.detach(), rtol, f"weights of {where}")
            for name, value in twin.state[p].items():
                if value is not None:
                    mine = rule.state[name][row]
                    theirs = torch.as_tensor(value).to(mine).expand_as(mine)
                    close(mine, theirs, state_rtol, f"{name} of {where}")


def close(mine: Tensor, theirs: Tensor, rtol: float, what: str) -> None:
    """Equal, relative to the largest coordinate: one that crosses zero has no relative error."""
    atol = rtol * float(theirs.abs().max())
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda m: f"{what}: {m}")


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rule_does_not_change_the_direction(kind: str) -> None:
    """STORM keeps its direction for the next step, so a rule must not write into it."""
    settings = OPTIMIZER_SETTINGS[kind]
    weights = torch.ones(len(settings), SIZE)
    rule, hp = prepared(OPTIMIZERS[kind], settings, weights)
    d = torch.full_like(weights, 0.5)
    for _ in range(3):
        rule.step(weights, d, hp["lr"], hp)
    assert (d == 0.5).all()


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_rule_moves_rows_in_place(kind: str) -> None:
    """So that a step can be captured once and replayed."""
    settings = OPTIMIZER_SETTINGS[kind]
    weights = torch.ones(len(settings), SIZE)
    rule, hp = prepared(OPTIMIZERS[kind], settings, weights)
    before = {name: tensor.data_ptr() for name, tensor in rule.state.items()}
    rule.step(weights, torch.ones_like(weights), hp["lr"], hp)
    assert {name: tensor.data_ptr() for name, tensor in rule.state.items()} == before
    assert (weights != 1).all()
