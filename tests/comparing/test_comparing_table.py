"""The table: figures as the studies hold them, dashes where one says nothing."""

from __future__ import annotations

import statistics

import pytest
from reference.made_up import make

from vrtune.comparing.studies import read_studies
from vrtune.comparing.table import Row, table
from vrtune.comparing.tuned import read_tuned
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import load_study

GOOD, POOR = [0.1, 0.2, 0.3, 0.2], [0.5, 0.6, 0.5, 0.6]


def rows(url: str) -> list[Row]:
    return table(read_studies([], url))


def test_figures_are_those_of_the_choice(url: str) -> None:
    make(
        url,
        "storm",
        POOR,
        GOOD,
        pruned=3,
        cost=20.0,
        confirmed=[[0.4] * 4],
        again=[0.9, 0.8],
        train=[1.0, 0.98],
    )
    (row,) = rows(url)
    assert (row.method, row.study, row.space, row.init, row.seed) == (
        *("storm", "storm", "storm", "default", 1),
    )
    assert (row.trial, row.setting) == (1, {"lr": 0.02})
    loss, accuracy = row.validation_loss, row.validation_accuracy
    assert loss is not None
    assert (loss.mean, loss.values) == (statistics.fmean(GOOD), GOOD)
    assert loss.std == pytest.approx(statistics.stdev(GOOD))
    assert accuracy is not None
    assert accuracy.mean == pytest.approx(0.8)
    assert row.all_starts is not None
    assert row.all_starts.loss == pytest.approx(0.3)
    assert (row.all_starts.failed, row.all_starts.trainings) == (0, 8)
    assert row.test_accuracy is not None
    assert row.test_accuracy.mean == pytest.approx(0.85)
    assert row.train_accuracy is not None
    assert row.train_accuracy.mean == pytest.approx(0.99)
    assert (row.seeds, row.failed_seeds) == (2, 0)
    assert (row.search_cost, row.confirm_cost, row.training_cost) == (100.0, 50.0, 30.0)
    assert (row.trials.complete, row.trials.pruned) == (2, 3)


def test_what_a_study_does_not_say_is_none(url: str) -> None:
    make(url, "empty")
    make(url, "pruned", pruned=2)
    for row in rows(url):
        assert row.setting == {}
        gone = {name for name, value in row.model_dump().items() if value is None}
        assert gone >= {
            *("trial", "validation_loss", "validation_accuracy", "all_starts", "test_accuracy"),
            *("train_accuracy", "seeds", "training_cost", "seconds"),
        }
        assert (row.equal_trials.loss, row.equal_gradient_computations.loss) == (None, None)


def test_equal_budgets_are_the_least_that_a_study_spent(url: str) -> None:
    make(url, "sgd", POOR, POOR, GOOD, cost=100.0)
    make(url, "storm", POOR, GOOD, cost=300.0)
    make(url, "empty")  # says nothing, and so sets no budget
    sgd, storm, empty = rows(url)
    assert (sgd.equal_trials.budget, sgd.equal_trials.trial) == (2, 0)
    assert sgd.equal_trials.loss == statistics.fmean(POOR)
    assert storm.equal_trials.loss == statistics.fmean(GOOD)
    assert sgd.equal_gradient_computations.budget == 300.0
    assert sgd.equal_gradient_computations.loss == statistics.fmean(GOOD)
    assert storm.equal_gradient_computations.loss == statistics.fmean(POOR)
    assert empty.equal_trials.loss is None


def test_it_agrees_with_the_search(found: tuple[SearchResult, str]) -> None:
    result, url = found
    (row,) = table([read_tuned(load_study(open_to_read(url), result.study, url))])
    assert result.best is not None
    assert result.retrain is not None
    assert (row.trial, row.setting) == (result.best.number, result.best.params)
    assert row.validation_loss is not None
    assert row.validation_loss.mean == result.best.value
    assert row.test_accuracy == result.retrain.test_accuracy
    assert row.train_accuracy == result.retrain.train_accuracy
    assert (row.search_cost, row.confirm_cost) == (
        result.gradient_computations,
        result.confirm_gradient_computations,
    )
    assert row.trials == result.trials
