"""search_quality.py: a table is recorded, is known between its points, and replays by the count."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib import import_module
from itertools import starmap
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import (
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.trial import TrialState

from vrtune import Task

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
EPOCHS, FOLDS = 4, 2
RATES = [0.001, 0.01, 0.1, 1.0]
ENDS = [0.8, 0.4, 0.2, math.nan]  # of the rates; the last diverges in its second epoch


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def part(name: str) -> Any:
    return import_module(f"search_quality_parts.{name}")


def made(settings: list[dict[str, Any]], ends: list[float], **distributions: Any) -> Any:
    """A table of EPOCHS epochs of cost 1: losses fall from 1 in a straight line."""
    meta = {
        "space": "made",
        "task": {"dataset": "none", "model": "none", "seed": 1},
        "names": list(distributions),
        "dists": {k: json.loads(distribution_to_json(d)) for k, d in distributions.items()},
    }
    share = np.linspace(1 / EPOCHS, 1, EPOCHS)[None, :, None]
    losses = 1 + (np.array(ends)[:, None, None] - 1) * share * np.ones(FOLDS)
    losses[np.isnan(ends), 0] = 5.0
    spent = np.tile(np.arange(1.0, EPOCHS + 1), (len(ends), 1))
    return part("table").Table("made", meta, losses, spent, settings, np.isfinite(ends))


@pytest.fixture
def table() -> Any:
    settings = [{"lr": rate} for rate in RATES]
    return made(settings, ENDS, lr=FloatDistribution(0.001, 1.0, log=True))


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_table_knows_its_goal_and_what_its_grid_costs(table: Any) -> None:
    assert table.goal == pytest.approx(1.002 * 0.2)
    assert (len(table.grid), table.grid_cost, table.full) == (3, 12, 4)
    assert table.share == 0.4


def test_log_losses_lie_on_straight_lines_between_recorded_ones(table: Any) -> None:
    recorded = table.curve({"lr": 0.01})
    np.testing.assert_allclose(recorded.losses, table.losses[1], atol=1e-6)
    np.testing.assert_allclose(recorded.costs, 1.0)
    between = table.curve({"lr": math.sqrt(0.01 * 0.1)})
    assert between.losses[-1] == pytest.approx(math.sqrt(0.4 * 0.2))
    assert np.isnan(table.curve({"lr": 0.9}).losses[1:]).all()
    assert table.curve({"lr": 0.12}).losses[-1, 0] > 0.2  # its neighbour's divergence is high


@pytest.mark.parametrize("d", [2, 3, 4])
def test_many_parameters_meet_the_recorded_points(d: int) -> None:
    distributions: dict[str, Any] = {f"x{k}": FloatDistribution(0, 1) for k in range(d - 1)}
    distributions |= {"n": IntDistribution(1, 9), "way": CategoricalDistribution(["a", "b"])}
    cube = part("cube").Cube(distributions)
    rng = np.random.default_rng(0)
    settings = [cube.params(rng.random(d), ["ab"[k % 2]]) for k in range(40)]
    ends = [0.1 + cube.point(s).sum() for s in settings]
    table = made(settings, ends, **distributions)
    for row in (0, 1, 17):
        np.testing.assert_allclose(table.curve(settings[row]).losses, table.losses[row], rtol=1e-5)
    middle = {**dict.fromkeys(distributions, 0.5), "n": 5, "way": "a"}
    assert table.curve(middle).losses[-1, 0] == pytest.approx(0.1 + d / 2, rel=0.15)


def test_every_open_trial_costs_and_ends_with_its_round(table: Any, study: Any) -> None:
    for rate in [0.01, 1.0, 0.1]:
        study.enqueue_trial({"lr": rate})
    log = part("clock").Clock(table, study, slots=2, trials=3).run()
    # rounds 1 and 2: 0.01 and 1.0, which diverges; 3 and 4: 0.01 and 0.1; 5 and 6: 0.1 alone
    assert [(c.number, c.spent) for c in log.completed] == [(0, 8), (2, 10)]
    assert log.spent == 10
    assert log.hit(table.goal) == 10
    assert log.best() == pytest.approx(0.2)
    assert log.best(trials=2) == log.best(spent=9) == pytest.approx(0.4)
    assert [t.state for t in study.trials] == [
        TrialState.COMPLETE,
        TrialState.PRUNED,
        TrialState.COMPLETE,
    ]
    assert math.isnan(study.trials[1].intermediate_values[2])


def test_all_report_before_one_is_decided_on(table: Any) -> None:
    seen = []

    class Pruner(optuna.pruners.BasePruner):
        def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
            trials = study.get_trials(deepcopy=False)
            seen.append([t.last_step for t in trials if t.state is TrialState.RUNNING])
            return True

    study = optuna.create_study(pruner=Pruner(), sampler=optuna.samplers.RandomSampler(seed=0))
    for rate in [0.01, 0.1]:
        study.enqueue_trial({"lr": rate})
    log = part("clock").Clock(table, study, slots=2, trials=2).run()
    assert seen == [[1, 1], [1, 1]]
    assert (log.spent, log.completed) == (2, [])


def test_successors_can_be_asked_for_ahead(table: Any) -> None:
    known = []

    class Sampler(optuna.samplers.RandomSampler):
        def before_trial(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
            trials = study.get_trials(deepcopy=False)
            known.append([t.last_step for t in trials if t.number != trial.number])

    for ahead in (False, True):
        study = optuna.create_study(sampler=Sampler(seed=0))
        for rate in [0.01, 0.1, 0.1]:
            study.enqueue_trial({"lr": rate})
        clock = part("clock").Clock(table, study, slots=2, trials=3, ahead=ahead)
        assert clock.run().spent == 3 * EPOCHS
    assert known == [[None] * 2, [None] * 2, [4, 4], [None] * 2, [None] * 2, [3, 3]]


def test_one_epoch_of_the_grid_then_the_best(table: Any) -> None:
    strategy = part("strategies").OneEpoch(1, grid=True)
    log = strategy(table, seed=1, slots=1, trials=60)
    assert log.spent == 3 + (EPOCHS - 1)


def test_a_summary_counts_hits(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = part("figures")
    monkeypatch.setattr(figures, "load", lambda name: table)
    row = figures.summary("made", "grid-top-3", 1, starmap, trials=60, reps=4)
    assert row["never"] == 0
    assert row["hit"][1] == (3 + EPOCHS - 1) / table.full
    assert row["after"][3] == pytest.approx([0.2, 0.2])
    assert "grid-top-3" in figures.line(row)
    assert figures.middle([1.0, math.inf]) == [None, None]


def test_a_table_is_recorded_and_replayed(tmp_path: Path) -> None:
    task = {"model": "softmax", "limit": 200, "folds": 2, "epochs": 2}
    plan = part("plans").Plan("sgd", task, spread=4, near=2)
    part("recording").record("small", plan, tmp_path, tmp_path)
    table = part("table").load(str(tmp_path / "small.npz"))
    assert len(table.settings) == 5 + 1 + 4 + 2  # one corner is a point of GRID
    assert len(table.grid) == 5
    assert table.default == {"lr": 0.1}
    assert table.losses.shape == (12, 2, 2)
    command = [sys.executable, str(BENCHMARKS / "search_quality.py"), "replay"]
    command += [str(tmp_path / "small.npz"), "--reps", "2", "--trials", "6", "--open", "2"]
    strategies = ["vrtune", "vrtune-start-off", "tpe+hyperband", "grid+folds"]
    command += ["--strategies", *strategies, "--json", str(tmp_path / "found.json")]
    done = subprocess.run(command, cwd=BENCHMARKS.parent, text=True, capture_output=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads((tmp_path / "found.json").read_text())["rows"]
    assert [row["strategy"] for row in rows] == strategies


@pytest.mark.parametrize("name", [*(p.stem for p in BENCHMARKS.glob("*_parts/tables/*.npz"))])
def test_recorded_tables_are_those_that_are_planned(name: str) -> None:
    plan, table = part("plans").PLANS[name], part("table").load(name)
    assert table.meta["space"] == plan.space
    assert Task.model_validate(table.meta["task"]) == plan.make_task()
    assert table.curve(table.default).losses.shape == (table.epochs, table.folds)
