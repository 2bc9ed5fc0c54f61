"""What a chain keeps, and what lanes are judged by: the mean prediction of it."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import vrtune
from vrtune import MALA, SGD, SGHMC, SGLD, SVRG, Task, TrialConfig
from vrtune.errors import UsageError
from vrtune.lanes import Lanes
from vrtune.lanes.judging import losses_of_samples, potential
from vrtune.lanes.memory import state_rows
from vrtune.optim import RowRule
from vrtune.retraining.weights import SeedWeights, _write
from vrtune.testing import problem
from vrtune.testing.units import SIZE, prepared
from vrtune.units import EstimatorSettings

BATCHES = 5  # of an epoch of the problem
STEPS = 50


@pytest.mark.parametrize(
    ("burn_in", "samples", "due"),
    [
        (0.5, 5, [30, 35, 40, 45, 50]),
        (0.0, 2, [25, 50]),
        (0.2, 1, [50]),
        (0.9, 3, [47, 49, 50]),
        (0.9, 8, [46, 47, 48, 49, 50]),  # no more than steps
    ],
)
def test_samples_are_spread_evenly_and_the_last_one_is_the_end(
    burn_in: float, samples: int, due: list[int]
) -> None:
    weights = torch.zeros(2, SIZE)
    settings = SGLD(lr=0.1, burn_in=burn_in, samples=samples)
    rule, hp = prepared([settings] * 2, weights)
    path = [weights.clone()]
    for t in range(1, STEPS + 1):
        rule.step(weights, torch.ones_like(weights), hp["lr"], hp)
        path.append(weights.clone())
        seen = [step for step in due if step <= t]
        kept = rule.ensemble(weights)
        for found, step in zip(kept, seen or [t], strict=True):
            assert torch.equal(found, path[step])
        shares = rule.shares()
        assert shares is not None
        assert torch.equal(shares, torch.full_like(shares, 1 / len(kept)))
    assert len(rule.kept()) == len(due)


def lanes_of(*configs: TrialConfig, epochs: int = problem.HORIZON) -> Lanes:
    lanes = problem.seat(configs, names=["fold 0"])
    for _ in range(epochs):
        lanes.train_epoch()
    return lanes


def outputs(module: torch.nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return module.eval()(x)


def test_lanes_are_judged_by_the_mean_of_probabilities() -> None:
    """Of each its own samples, whatever the others have kept."""
    early, late = (TrialConfig(optimizer=SGLD(lr=0.2, burn_in=b, samples=6)) for b in (0.25, 0.75))
    lanes = lanes_of(early, late, epochs=3)
    rule = lanes.rows.optimizer
    assert rule.state["kept"].flatten().tolist() == [4, 0]
    judged = lanes.validate()
    of = lanes.seats[0].stream
    x, y = problem.data()
    x, y = x[of.validation] * of.scale.view(-1, 1, 1) - of.shift.view(-1, 1, 1), y[of.validation]
    for row in range(2):
        members = rule.state["chain"][row, :4] if row == 0 else lanes.rows.W[1:2]
        mean = torch.zeros(len(x), problem.CLASSES).double()
        for w in members:
            module = problem.module_in(lanes, row)
            torch.nn.utils.vector_to_parameters(w, module.parameters())
            mean += outputs(module, x).softmax(1) / len(members)
        loss = -mean[torch.arange(len(y)), y].log().mean()
        assert float(judged.loss[row]) == pytest.approx(float(loss), rel=1e-12)
        right = (mean.argmax(1) == y).double().mean()
        assert float(judged.metrics["accuracy"][row]) == float(right)
    alone = lanes.validate([1])
    assert float(alone.loss[0]) == pytest.approx(float(judged.loss[1]), rel=1e-12)


def test_potential_is_the_mean_loss_over_the_training_part() -> None:
    lanes = lanes_of(TrialConfig(optimizer=MALA(lr=0.05)), TrialConfig(optimizer=MALA(lr=0.1)))
    found = potential(lanes, lanes.rows.W)
    for row, lane in enumerate(lanes.seats):
        batches = problem.batches(lane.stream, 0, 0)
        x, y = torch.cat([x for x, _ in batches]), torch.cat([y for _, y in batches])
        module = problem.module_in(lanes, row)
        loss = torch.nn.functional.cross_entropy(outputs(module, x), y)
        assert float(found[row]) == pytest.approx(float(loss), rel=1e-12)
        N, prior = len(lane.stream.train), lanes.rows.W[row].square().sum() / 2
        known = lanes.rows.optimizer.state["potential"][row]
        assert float(known) == pytest.approx(float(found[row] + prior / N), rel=1e-12)
    traces = losses_of_samples(lanes, lanes.data, lanes.seats[0].stream.train)
    assert traces is not None
    assert traces.shape == (2, 10)
    assert float(traces[0, -1]) == pytest.approx(float(found[0]), rel=1e-12)


@pytest.mark.parametrize("estimator", [SVRG(), vrtune.SAGA(), vrtune.MARS()], ids=repr)
def test_a_look_elsewhere_leaves_no_trace(estimator: EstimatorSettings) -> None:
    """MALA whose proposals lie so far away that it always rejects, and descent that stands still,
    leave an estimator alike."""
    away = TrialConfig(estimator=estimator, optimizer=MALA(lr=1e3, temperature=1e-9))
    still = SGLD(lr=1e-12, temperature=0.0, prior_precision=0.0)
    looked = lanes_of(away, epochs=2)
    assert looked.rows.optimizer.state["accepted"].tolist() == [[0.0]]
    stood = lanes_of(TrialConfig(estimator=estimator, optimizer=still), epochs=2)
    for name, value in looked.rows.estimator.state.items():
        expected = stood.rows.estimator.state[name]
        torch.testing.assert_close(value, expected, rtol=1e-6, atol=1e-9)


def test_cost_of_a_decision() -> None:
    """Two estimates, and a forward pass over all batches at a third of their price."""
    for estimator, cost in ((vrtune.Plain(), 1), (SVRG(), 2)):
        adjusted = lanes_of(TrialConfig(estimator=estimator, optimizer=MALA(lr=0.1)), epochs=1)
        spent = BATCHES * (2 * cost + BATCHES / 3) + BATCHES * estimator.keeps_snapshot
        assert adjusted.seats[0].gradient_computations == pytest.approx(spent)


def test_memory_counts_the_samples() -> None:
    few, many = (state_rows(TrialConfig(optimizer=SGLD(lr=0.1, samples=n))) for n in (3, 40))
    assert many - few == 37
    plain = state_rows(TrialConfig(optimizer=SGD(lr=0.1)))
    assert state_rows(TrialConfig(optimizer=SGHMC(lr=0.1, samples=3))) == plain + 3
    lanes = lanes_of(TrialConfig(optimizer=SGLD(lr=0.1, samples=7)), epochs=1)
    assert lanes.rows.optimizer.state["chain"][0].numel() == 7 * lanes.rows.W.shape[1]


def test_chains_of_one_setting_are_lanes_that_differ() -> None:
    names = [f"seed {i}" for i in range(8)]
    config = TrialConfig(optimizer=SGLD(lr=0.2))
    lanes = problem.seat([config] * 8, names=names, fused=True)
    lanes.train_epoch()
    keys = lanes.rows.about["key"]
    assert len({tuple(key) for key in keys.tolist()}) == 8
    assert float(torch.cdist(lanes.rows.W, lanes.rows.W).add(torch.eye(8)).min()) > 1e-3


def test_a_retraining_says_what_a_posterior_predictive_is_worth() -> None:
    found = vrtune.train(
        TrialConfig(optimizer=SGLD(lr=0.3)), Task(model="softmax", epochs=2, limit=100), seeds=4
    )
    assert found.effective_samples is not None
    assert 0 < found.effective_samples <= 40 * math.log10(40)
    error = found.test_metrics["ece"].mean
    assert error is not None
    assert 0 < error < 1
    assert "effective samples" in repr(found)
    assert "test ece" in repr(found)


def test_all_samples_are_written_beside_the_last(tmp_path: Path) -> None:
    last = {"w": torch.ones(2)}
    of_chain = SeedWeights(last, {"w": torch.stack([torch.zeros(2), torch.ones(2)])})
    task = Task(model="softmax", epochs=1, limit=60)
    result = vrtune.train(TrialConfig(optimizer=SGLD(lr=0.3, samples=2)), task, seeds=2)
    names = _write(tmp_path, result, [of_chain, SeedWeights(last, {})], {"epochs": 1})
    assert names == [
        "seed-1.safetensors",
        "seed-1-samples.safetensors",
        "seed-2.safetensors",
    ]
    assert load_file(tmp_path / names[1])["w"].tolist() == [[0.0, 0.0], [1.0, 1.0]]


def test_loops_that_know_no_samples_refuse_a_chain() -> None:
    parameters = torch.nn.Linear(2, 1).parameters()
    with pytest.raises(UsageError, match="SGLD samples a posterior in vrtune's own loop alone"):
        RowRule(parameters, SGLD(lr=0.1))
    rule = SGLD(lr=0.1).algorithm(torch.zeros(1, 2), samples=1)
    with pytest.raises(UsageError, match="search it, or call"):
        rule.seat([0], [SGLD(lr=0.1)])
