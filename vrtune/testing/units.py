"""Contracts of single units: settings, step rules, schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim import Optimizer

from vrtune.optimizers import StepRule
from vrtune.trial_config import TrialConfig
from vrtune.units import OptimizerSettings, ScheduleSettings, Unit

STEPS = 50
SHAPES = (torch.Size((2, 2)), torch.Size((3,)))  # of a model's tensors
SIZE = sum(map(torch.Size.numel, SHAPES))
EPOCHS, BATCHES = 8, 5
ALIKE = ("samples", "fisher")  # what lanes of a program share, and a test of its own varies
SAMPLES, KEY = 20, (123456789, -987654321)  # of a training part; of the noise of steps

Twin = Callable[[list[Tensor], OptimizerSettings], Optimizer]


def survives_json(config: TrialConfig) -> None:
    """A setting comes back from JSON as it was, number by number."""
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config


def every_setting_is_varied(settings: Sequence[Unit]) -> None:
    """A setting that no test varies could mean anything."""
    fields = set(type(settings[0]).model_fields) - {"kind"} - set(ALIKE)
    varied = {name for name in fields if len({str(getattr(s, name)) for s in settings}) > 1}
    assert varied == fields, f"never varied: {', '.join(sorted(fields - varied))}"


def about(lanes: int, samples: int, steps: int, like: Tensor) -> dict[str, Tensor]:
    """What a step rule is told of lanes. All have one key here, so that a twin can know it."""
    return {
        "samples": like.new_full((lanes, 1), samples),
        "steps": torch.full((lanes, 1), steps),
        "key": torch.tensor([KEY] * lanes, dtype=torch.int32),
    }


def prepared(
    settings: Sequence[OptimizerSettings], weights: Tensor
) -> tuple[StepRule, dict[str, Tensor]]:
    """A rule with a lane for each of the settings, and the hyperparameters [L, 1]."""
    columns = [s.numbers() for s in settings]
    hp = {name: weights.new_tensor([c[name] for c in columns]) for name in columns[0]}
    rule: StepRule = settings[0].algorithm(weights, **settings[0].words())
    rule.shapes = SHAPES
    rule.about = about(len(weights), SAMPLES, STEPS, weights)
    rule.seat(range(len(weights)), settings)
    rule.admit(torch.arange(len(weights)), hp)
    return rule, hp


def rule_keeps_the_direction(settings: Sequence[OptimizerSettings]) -> None:
    """STORM keeps its direction for the next step, so a rule must not write into it."""
    weights = torch.ones(len(settings), SIZE)
    rule, hp = prepared(settings, weights)
    d = torch.full_like(weights, 0.5)
    for _ in range(3):
        rule.step(weights, d, hp["lr"], hp)
    assert (d == 0.5).all(), "the rule has written into d"


def rule_moves_rows_in_place(settings: Sequence[OptimizerSettings]) -> None:
    """So that a step can be captured once and replayed."""
    weights = torch.ones(len(settings), SIZE)
    rule, hp = prepared(settings, weights)
    before = {name: tensor.data_ptr() for name, tensor in rule.state.items()}
    for _ in range(2):  # the first may change a momentum alone
        rule.step(weights, torch.ones_like(weights), hp["lr"], hp)
    assert {name: tensor.data_ptr() for name, tensor in rule.state.items()} == before
    assert (weights != 1).all(), "the weights have not moved: change them in place"


def rule_equals_its_twin(
    settings: Sequence[OptimizerSettings],
    twin: Twin,
    dtype: torch.dtype = torch.float64,
    rtol: float = 1e-9,
    state_rtol: float = 1e-9,
) -> None:
    """Fifty steps on random gradients, as an ordinary optimizer of one model takes them: the same
    weights, and the same state where both call it by the same name."""
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(len(settings), SIZE, generator=generator, dtype=dtype)
    gradients = torch.randn(STEPS, len(settings), SIZE, generator=generator, dtype=dtype)
    alone: list[list[Tensor]] = [
        [torch.nn.Parameter(part.clone()) for part in _parts(row)] for row in weights
    ]
    twins = [twin(params, s) for params, s in zip(alone, settings, strict=True)]
    rule, hp = prepared(settings, weights)
    for step, d in enumerate(gradients):
        rule.step(weights, d.clone(), hp["lr"], hp)
        for row, (params, optimizer) in enumerate(zip(alone, twins, strict=True)):
            for p, part in zip(params, _parts(d[row]), strict=True):
                p.grad = part.clone()
            optimizer.step()
            where = f"{settings[row]!r}, step {step + 1}"
            _close(weights[row], _joined(params), rtol, f"weights of {where}")
            for name in optimizer.state[params[0]]:
                values = [optimizer.state[p].get(name) for p in params]
                if name in rule.state and None not in values:
                    mine = rule.state[name][row]
                    theirs = _joined([torch.as_tensor(value) for value in values]).to(mine)
                    theirs = theirs if len(theirs) == len(mine) else theirs[:1].expand_as(mine)
                    _close(mine, theirs, state_rtol, f"{name} of {where}")


def _parts(row: Tensor) -> list[Tensor]:
    """The tensors of a model that lie in a row [P]."""
    columns = row.split([shape.numel() for shape in SHAPES])
    return [column.view(shape) for column, shape in zip(columns, SHAPES, strict=True)]


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _close(mine: Tensor, theirs: Tensor, rtol: float, what: str) -> None:
    """Equal, relative to the largest coordinate: one that crosses zero has no relative error."""
    atol = rtol * float(theirs.abs().max())
    torch.testing.assert_close(mine, theirs, rtol=0, atol=atol, msg=lambda m: f"{what}: {m}")


def factors(schedule: ScheduleSettings) -> list[float]:
    """Over a whole run of eight epochs and five batches, an epoch at a time as lanes ask."""
    batch = torch.arange(BATCHES, dtype=torch.float64) / BATCHES
    return [
        factor
        for epoch in range(EPOCHS)
        for factor in schedule.factors(epoch + batch, EPOCHS).tolist()
    ]


def factors_are_usable(schedule: ScheduleSettings) -> None:
    """One finite factor a step, float64, none below 0, and some above."""
    t = torch.arange(BATCHES, dtype=torch.float64) / BATCHES
    found = schedule.factors(t, EPOCHS)
    assert (found.dtype, found.shape) == (torch.float64, t.shape)
    every = torch.tensor(factors(schedule))
    assert every.isfinite().all()
    assert every.min() >= 0
    assert every.max() > 0
