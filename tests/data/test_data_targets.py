"""Targets: what is taken for labels, what for numbers, and what is said of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from vrtune.config import Task
from vrtune.data.targets import OF_LABELS, OF_NUMBERS, class_names, targets_of, wanted
from vrtune.errors import VrtuneError
from vrtune.objectives import FOR_NUMBERS, LOSSES, METRICS

MANY = np.arange(0, 60, 2)  # whole numbers with gaps, more than 20


def test_every_loss_and_metric_says_what_it_is_of() -> None:
    for_numbers = FOR_NUMBERS | {name for name, metric in METRICS.items() if metric.numbers}
    assert for_numbers == OF_NUMBERS
    assert (LOSSES.keys() | METRICS.keys()) - for_numbers == OF_LABELS


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, None),
        ({"loss": "own.py:loss"}, None),
        ({"loss": "huber"}, "numbers"),
        ({"metric": "rmse"}, "numbers"),
        ({"metric": "macro-f1"}, "labels"),
        ({"label_smoothing": 0.1}, "labels"),
        ({"class_weights": "balanced"}, "labels"),
        ({"loss": "own.py:loss", "metric": "r2"}, "numbers"),
    ],
)
def test_what_a_task_wants(changes: dict[str, Any], found: str | None) -> None:
    assert wanted(Task(**changes)) == found


@pytest.mark.parametrize(
    ("given", "wants", "classes", "note"),
    [
        (["b", "a", "b"], None, 2, ""),
        (["b", "a", "b"], "numbers", 2, ""),  # the objective refuses it
        ([True, False], None, 2, ""),
        ([0, 1, 2], None, 3, ""),
        (np.arange(20), None, 20, ""),
        (np.arange(100), None, 100, "100 different whole numbers, taken for classes: --loss mse"),
        ([0, 1, 2], "numbers", 0, ""),
        ([3, 5], None, 2, "holds 2 different whole numbers, taken for classes: --loss mse takes"),
        ([3, 5], "labels", 2, ""),
        (MANY, None, 0, "30 different whole numbers, taken for numbers: --loss cross-entropy"),
        (MANY, "labels", 30, ""),
        (MANY, "numbers", 0, ""),
        ([0.5, 1.0], None, 0, ""),
        ([0.5, 1.0], "labels", 0, ""),  # the objective refuses it
        ([0.0, 1.0], None, 0, "2 different whole numbers, taken for numbers"),
        ([0.0, 1.0], "labels", 2, ""),
        (MANY / 1, None, 0, ""),
    ],
)
def test_labels_or_numbers(given: Any, wants: Any, classes: int, note: str) -> None:
    targets = targets_of(given, "y of it", wants)
    assert targets.classes == classes
    assert bool(targets.notes) == bool(note)
    assert note in "".join(targets.notes)
    assert targets(given, "y of it").is_floating_point() == (classes == 0)


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (np.array(["b", None, "a"], object)[[0, 2]], ("a", "b")),
        (np.array([b"b", b"a"]), ("a", "b")),
        (np.array(["b\n", "a"]), ("a", "b\\n")),
        (np.array([True, False], object), ("False", "True")),
        ([2, 7], ("2", "7")),
        ([0, 1], None),
        ([0.5, 1.5], None),
        (np.array([0, 1], object), None),
    ],
)
def test_names_of_labels(given: Any, names: tuple[str, ...] | None) -> None:
    assert targets_of(given, "y", None).names == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([["a", "b"]], r"y has shape \(1, 2\); give one target a sample"),
        (np.array(["a", None], object), "y lacks 1 of 2 targets; leave those samples out"),
        (np.array(["a", float("nan")], object), "y lacks 1 of 2 targets"),
        (np.array(["a", 1], object), "y mixes targets of type int and str"),
        (np.array([True, 1], object), "y mixes targets of type bool and int"),
        ([1.0, np.inf], "NaN or infinite"),
        (np.array(["2020-01-01"], "M8[D]"), r"y has labels of type datetime64\[D\]"),
    ],
)
def test_refused(given: Any, message: str) -> None:
    with pytest.raises(VrtuneError, match=message):
        targets_of(given, "y", None)


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["a", "b"], ["c"], "y has the label 'c', which the training part lacks"),
        ([2, 4], [3], "y has the label '3'"),
        (["1", "2"], [1], "y has labels of type int64, the training part such as '1'"),
        ([False, True], ["True"], "y has labels of type <U4, the training part such as 'False'"),
        ([0.5, 1.5], ["a"], "y holds texts, the training part numbers"),
        ([0.5, 1.5], [np.nan], "NaN or infinite"),
    ],
)
def test_a_test_part_of_another_kind(train: Any, test: Any, message: str) -> None:
    with pytest.raises(VrtuneError, match=message):
        targets_of(train, "y", None)(test, "y")


def test_whole_floats_are_the_same_labels() -> None:
    """Other programs write them so where something was missing before."""
    assert targets_of([3, 5], "y", None)([5.0, 3.0], "y").tolist() == [1, 0]
    assert targets_of([3.0, 5.0], "y", "labels")([5, 3], "y").tolist() == [1, 0]


def test_names_that_are_given() -> None:
    given, two = np.array(["cat", "dog"]), targets_of(["c", "d"], "y", None)
    assert class_names(given, two, "names") == (("cat", "dog"), ())
    names, (note,) = class_names(given[:1], two, "names")
    assert (names, "names are passed over" in note) == (("c", "d"), True)
    names, (note,) = class_names(given, targets_of([0.5, 1.5], "y", None), "names")
    assert (names, note) == (None, "names are passed over, as numbers are predicted")
