"""How studies are judged, in words and in order."""

from __future__ import annotations

import pytest

from vrtune.display.measures import LOSS, Measure, as_column, cost

F1 = Measure("macro-f1", "macro-f1", "maximize")
RMSE = Measure("rmse", "rmse", "minimize")
NUMBERS = Measure("loss", "r2", "minimize")


@pytest.mark.parametrize(
    ("measure", "value", "beside", "good", "of_score"),
    [
        (LOSS, "validation loss", "accuracy", "low", "maximize"),
        (NUMBERS, "validation loss", "r2", "low", "maximize"),
        (F1, "validation macro-f1", "loss", "high", "maximize"),
        (RMSE, "validation rmse", "loss", "low", "minimize"),
    ],
)
def test_words(measure: Measure, value: str, beside: str, good: str, of_score: str) -> None:
    assert (measure.value, measure.beside, measure.good) == (value, beside, good)
    assert measure.score_direction == of_score


def test_the_less_a_cost_the_better() -> None:
    assert min([0.2, 0.9, -3.0], key=F1.cost) == 0.9
    assert min([0.2, 0.9, 3.0], key=RMSE.cost) == 0.2
    assert (cost(2.0, "minimize"), cost(2.0, "maximize")) == (2.0, -2.0)


def test_names_of_columns() -> None:
    assert (LOSS.column, F1.column) == ("validation_loss", "validation_macro_f1")
    assert as_column("test balanced-accuracy") == "test_balanced_accuracy"
