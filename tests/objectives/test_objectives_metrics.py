"""Metrics of all lanes at once, against scikit-learn's of one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn import metrics as sklearn

from vrtune.errors import UsageError
from vrtune.objectives import METRICS
from vrtune.objectives.own import own_metric

LABELS = {
    "accuracy": sklearn.accuracy_score,
    "balanced-accuracy": sklearn.balanced_accuracy_score,
    "macro-f1": lambda y, p: sklearn.f1_score(y, p, average="macro"),
}
NUMBERS = {
    "rmse": sklearn.root_mean_squared_error,
    "mae": sklearn.mean_absolute_error,
    "r2": sklearn.r2_score,
}


def test_every_metric_has_a_twin() -> None:
    assert METRICS.keys() == LABELS.keys() | NUMBERS.keys() | {"ece"}
    assert {name for name, metric in METRICS.items() if metric.numbers} == NUMBERS.keys()


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("classes", [2, 5])
def test_of_labels(name: str, classes: int) -> None:
    """Lanes that lack a class, in what they see or in what they say, among them."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, (6, 40))
    predicted = np.where(rng.random(y.shape) < 0.6, y, rng.integers(0, classes, y.shape))
    y[1][y[1] == classes - 1] = 0
    predicted[2][predicted[2] == 1] = 0
    predicted[3] = 0
    predicted[4] = y[4]
    y[5] = 0
    found = METRICS[name].of(torch.from_numpy(predicted), torch.from_numpy(y))
    expected = [LABELS[name](*lane) for lane in zip(y, predicted, strict=True)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_calibration_error() -> None:
    """A bin after another; of probabilities on an edge, too, and of lanes that are sure."""
    rng = np.random.default_rng(2)
    outputs, y = 2 * rng.normal(size=(4, 300, 3)), rng.integers(0, 3, (4, 300))
    outputs[2] *= 50
    outputs[3] = np.log([0.6, 0.2, 0.2])
    expected = []
    for lane, labels in zip(outputs, y, strict=True):
        odds = np.exp(lane - lane.max(1, keepdims=True))
        p, said = (odds / odds.sum(1, keepdims=True)).max(1), lane.argmax(1)
        error = 0.0
        for b in range(15):
            inside = (p > b / 15) & (p <= (b + 1) / 15)
            if inside.any():
                right = (said[inside] == labels[inside]).mean()
                error += inside.mean() * abs(right - p[inside].mean())
        expected.append(error)
    found = METRICS["ece"].of(torch.from_numpy(outputs), torch.from_numpy(y))
    np.testing.assert_allclose(found[:3].numpy(), expected[:3], rtol=1e-9)
    assert float(found[3]) == pytest.approx(abs((y[3] == 0).mean() - 0.6))


@pytest.mark.parametrize("name", NUMBERS)
def test_of_numbers(name: str) -> None:
    rng = np.random.default_rng(1)
    y = rng.normal(50, 10, (3, 30))
    predicted = y + rng.normal(0, 5, y.shape) * np.array([[0.1], [1.0], [10.0]])
    found = METRICS[name].of(torch.from_numpy(predicted), torch.from_numpy(y))
    expected = [NUMBERS[name](*lane) for lane in zip(y, predicted, strict=True)]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


def test_one_of_ones_own_that_gives_a_number_a_sample_is_told(tmp_path: Path) -> None:
    path = tmp_path / "judge.py"
    path.write_text("def hits(outputs, y):\n    return y\n\nhits.direction = 'maximize'\n")
    with pytest.raises(UsageError, match=r"gives shape \(4,\) for 4 samples: return one number"):
        own_metric(f"{path}:hits", torch.arange(8), 8)
