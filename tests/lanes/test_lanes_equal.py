"""A lane trains the same alone or among others, fused or looped, in a fresh row or a used one."""

from __future__ import annotations

import pytest
import torch
from contracts.settings import PROGRAMS, configs

from vrtune import SGD, STORM, SVRG, Adam, MetaInit, TrialConfig
from vrtune.estimators import ESTIMATORS
from vrtune.lanes import Lane, Lanes
from vrtune.lanes.rows import Program
from vrtune.testing import lanes as contracts
from vrtune.testing import problem
from vrtune.testing.lanes import content, same, train

EPOCHS = 3

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
every_norm = pytest.mark.parametrize("norm", ["none", "batch", "layer"])
each_program = pytest.mark.parametrize(("estimator", "optimizer"), PROGRAMS)


@every_norm
@each_program
def test_fused_equals_looped(estimator: str, optimizer: str, norm: str) -> None:
    contracts.fused_equals_looped(configs(estimator, optimizer, 3), norm)


@ways
@each_program
def test_lanes_together_equal_lanes_alone(estimator: str, optimizer: str, fused: bool) -> None:
    contracts.together_equals_alone(configs(estimator, optimizer, 3), fused)


@ways
@each_program
def test_refilled_equals_fresh(estimator: str, optimizer: str, fused: bool) -> None:
    """In the middle of the others' training; the others do not notice."""
    contracts.refilled_equals_fresh(configs(estimator, optimizer, 3), fused)


@ways
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_rows_given_up_and_added_change_nothing(estimator: str, fused: bool) -> None:
    """keep drops rows and append adds some, while others train on."""
    settings = configs(estimator, "sgd", 4)
    fresh = problem.seat(settings, "batch", fused=fused)
    train(fresh, 4)
    lanes = problem.seat(settings[:3], "batch", fused=fused)
    train(lanes, 1)
    lanes.keep([0, 2])
    assert [lane.trial for lane in lanes.seats] == [0, 2]
    train(lanes, 1)
    lanes.append([problem.lane(settings[3], 3), problem.lane(settings[1], 1)])
    train(lanes, 2)
    same(content(lanes, 0), content(fresh, 0), exactly=not fused)
    same(content(lanes, 1), content(fresh, 2), exactly=not fused)
    train(lanes, 2)
    same(content(lanes, 2), content(fresh, 3), exactly=not fused)
    same(content(lanes, 3), content(fresh, 1), exactly=not fused)


def test_all_rows_can_be_given_up() -> None:
    lanes = problem.seat(configs("storm", "adam", 2), "batch")
    train(lanes, 1)
    lanes.keep([])
    assert lanes.seats == []
    lanes.append([problem.lane(configs("storm", "adam")[1], 1)])
    fresh = problem.seat(configs("storm", "adam", 2), "batch")
    torch.testing.assert_close(train(lanes)[:, 0], train(fresh)[:, 1], rtol=1e-9, atol=0)


@ways
def test_inits_of_lanes_do_not_disturb_each_other(fused: bool) -> None:
    """Lanes with and without MetaInit share a program; one comes later into a used row."""
    storm = {"estimator": STORM(k=0.3), "optimizer": SGD()}
    settings = [
        TrialConfig(**storm, init=MetaInit(steps=3)),
        TrialConfig(**storm),
        TrialConfig(**storm, init=MetaInit(steps=2, lr=0.05)),
    ]
    alone = [problem.seat([config], "batch", fused=fused, names=["fold 0"]) for config in settings]
    starts = [content(lanes, 0) for lanes in alone]
    assert len({float(start["W"].norm()) for start in starts}) == 3
    together = problem.seat(settings, "batch", fused=fused, names=["fold 0"])
    for row in range(3):
        same(content(together, row), starts[row], exactly=not fused)
    train(together, 1)
    before = content(together, 1)
    lanes = [problem.lane(settings[i], i, ["fold 0"]) for i in (2, 1)]
    together.refill([0, 2], lanes)
    same(content(together, 0), starts[2], exactly=not fused)
    same(content(together, 2), starts[1], exactly=not fused)
    same(content(together, 1), before, exactly=True)


def test_every_trial_starts_from_the_weights_of_its_stream() -> None:
    """Common random numbers: the settings, the trial and the row have no say; the stream has."""
    lanes = problem.seat(configs("plain", "adam", 5))
    W = lanes.rows.W
    assert torch.equal(W[0], W[2])
    assert torch.equal(W[0], W[4])
    assert torch.equal(W[1], W[3])
    assert not torch.equal(W[0], W[1])
    other_seed = Lanes(problem.make("none"), problem.data(), 5, lanes.program, fused=False)
    other_seed.append([Lane(0, lanes.seats[0].config, problem.stream("fold 0", seed=2))])
    assert not torch.equal(other_seed.rows.W[0], W[0])


def test_training_leaves_the_global_random_numbers_alone() -> None:
    """And does not depend on them."""
    config = TrialConfig(estimator=SVRG(), optimizer=Adam(lr=0.1), init=MetaInit(steps=2))
    results = []
    for seed in (1, 2):
        lanes = Lanes(problem.make("batch"), problem.data(), 5, Program.of(config), fused=True)
        torch.manual_seed(seed)
        before = torch.get_rng_state()
        lanes.append([problem.lane(config, 0)])
        train(lanes, 2)
        lanes.validate()
        assert torch.equal(torch.get_rng_state(), before)
        results.append(content(lanes, 0))
    same(*results, exactly=True)
