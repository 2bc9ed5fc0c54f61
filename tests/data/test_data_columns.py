"""Columns of a table as numbers: learned from the training part, and done to the test part."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from vrtune.data.columns import MOST, Encoder, encoder
from vrtune.errors import VrtuneError

NAN = float("nan")


def fitted(values: Any, **more: Any) -> Encoder:
    """An encoder of columns x and z."""
    z = list(range(len(values)))
    return encoder(pa.table({"x": values, "z": z, "y": z} | more), "y", "made")


def encoded(values: Any) -> list[list[float]]:
    """What x becomes in its own table."""
    table = pa.table({"x": values, "z": list(range(len(values)))})
    return fitted(values)(table, "made")[:, :-1].tolist()


@pytest.mark.parametrize(
    ("values", "names", "wanted"),
    [
        ([1, 2, 5], ["x"], [[1], [2], [5]]),
        ([1.5, 2, -5], ["x"], [[1.5], [2], [-5]]),
        ([True, False, True], ["x"], [[1], [0], [1]]),
        ([Decimal("1.50"), Decimal("2.25")], ["x"], [[1.5], [2.25]]),
        (pa.array([1, 200, 3], pa.uint8()), ["x"], [[1], [200], [3]]),
        (["b", "a", "b"], ["x=a", "x=b"], [[0, 1], [1, 0], [0, 1]]),
        ([" b", "a ", "b"], ["x=a", "x=b"], [[0, 1], [1, 0], [0, 1]]),
        (pa.array(["b", "a"]).dictionary_encode(), ["x=a", "x=b"], [[0, 1], [1, 0]]),
        (pa.array(["b", "a"], pa.large_string()), ["x=a", "x=b"], [[0, 1], [1, 0]]),
        (["1,5", "-2", "3,25"], ["x"], [[1.5], [-2], [3.25]]),
        (["1", "2", "3+"], ["x=1", "x=2", "x=3+"], np.eye(3).tolist()),
        ([1.0, None, 5.0], ["x", "x is missing"], [[1, 0], [3, 1], [5, 0]]),
        ([1.0, NAN, 5.0, 6.0], ["x", "x is missing"], [[1, 0], [5, 1], [5, 0], [6, 0]]),
        (["1,5", None, "2"], ["x", "x is missing"], [[1.5, 0], [1.75, 1], [2, 0]]),
        (["a", None, "b"], ["x=a", "x=b", "x is missing"], [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ([True, None, False], ["x", "x is missing"], [[1, 0], [0.5, 1], [0, 0]]),
    ],
)
def test_columns(values: Any, names: list[str], wanted: list[list[float]]) -> None:
    assert fitted(values).names == (*names, "z")
    assert encoded(values) == wanted


def test_the_test_part_has_no_say() -> None:
    encode = fitted([1.0, None, 5.0, 9.0], c=["a", "b", None, "a"])
    test = pa.table({"c": ["new", None, "b"], "z": [7, 8, 9], "x": [None, 100.0, 2.0]})
    assert encode.names == ("x", "x is missing", "z", "c=a", "c=b", "c is missing")
    assert encode(test, "test").tolist() == [
        [5, 1, 7, 0, 0, 0],
        [100, 0, 8, 0, 0, 1],
        [2, 0, 9, 0, 1, 0],
    ]


def test_what_is_missing_in_the_test_part_alone() -> None:
    """Is filled as well; nothing marks it, as nothing was learned of that."""
    encode = fitted([1.0, 2.0, 6.0], c=["a", "b", "a"])
    for x in ([None, 4.0], pa.array([None, 4], pa.int8())):
        test = pa.table({"x": x, "z": [0, 0], "c": [None, "a"]})
        assert encode(test, "test").tolist() == [[2, 0, 0, 0], [4, 0, 1, 0]]
    nothing = pa.table({"x": pa.nulls(1), "z": [0], "c": pa.nulls(1)})
    assert encode(nothing, "test").tolist() == [[2, 0, 0, 0]]


def test_types_that_a_file_tells_differently_of_each_part() -> None:
    encode = fitted(["1", "2", "3+"], b=[0.5, 1.0, 2.0])
    test = pa.table({"x": [2, 1], "z": [0, 0], "b": [True, False]})
    assert encode(test, "test").tolist() == [[0, 1, 0, 0, 1], [1, 0, 0, 0, 0]]


def test_what_says_nothing_is_passed_over_and_told() -> None:
    n = 50
    encode = encoder(
        pa.table(
            {
                "one": [3] * n,
                "none": pa.nulls(n),
                "name": [f"Mr {i}" for i in range(n)],
                "x": [None, *range(1, n)],
                "y": list(range(n)),
            }
        ),
        "y",
        "made",
    )
    assert encode.names == ("x", "x is missing")
    assert encode.notes == (
        "made: values are missing in x: numbers are filled with the median of the training part, "
        "and a column more marks them",
        "made: passed over, as all values are one: one, none",
        "made: passed over, as its texts hardly repeat: name",
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([date(2020, 1, 1), date(2020, 1, 2)], "column x of made holds dates or times; turn them"),
        ([datetime(2020, 1, 1), None], "dates or times"),
        ([time(10, 30), time(11)], "dates or times"),
        (["24.12.2020", "1.1.2021"], "dates or times"),
        (["2020/1/2 10:00", "2020/1/3 11:00"], "dates or times"),
        ([b"\xff", b"\xfe"], "column x of made holds bytes that are no text in UTF-8"),
        ([[1], [2]], r"column x of made is of type list<.*>; turn it into numbers or texts"),
        ([*map(str, range(29)), "n/k"], "column x of made holds numbers, but also 'n/k'; write"),
        ([f"${i}.00" for i in range(30)], r"holds numbers, but also '\$0.00'"),
        ([f"{i},{500 + i}" for i in range(1, 30)], "holds numbers such as '1,501', whose comma"),
        ([f"t{i % (MOST + 1)}" for i in range(2 * MOST + 2)], "holds 1001 different texts"),
        ([1.0, float("inf")], "made has values that are infinite in float32 in x; replace"),
        ([1.0, 1e300], "made has values that are infinite in float32 in x"),
    ],
)
def test_refused(values: Any, message: str) -> None:
    with pytest.raises(VrtuneError, match=message):
        encoded(values)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ({"x": [1, 2]}, "test lacks the column c, which the training part has"),
        ({"c": ["a"]}, "test lacks the column x"),
        ({}, "test lacks the columns x, c"),
        ({"x": ["a"], "c": ["a"]}, "column x of test holds texts, that of the training part numb"),
        ({"x": [float("inf")], "c": ["a"]}, "test has values that are infinite in float32 in x"),
    ],
)
def test_a_test_part_that_does_not_fit(test: dict[str, Any], message: str) -> None:
    encode = encoder(pa.table({"x": [1, 2], "c": ["a", "b"], "y": [0, 1]}), "y", "made")
    with pytest.raises(VrtuneError, match=message):
        encode(pa.table(test), "test")


def test_nothing_to_predict_from() -> None:
    with pytest.raises(VrtuneError, match="made has no column to predict y from"):
        encoder(pa.table({"x": [1, 1], "y": [0, 1]}), "y", "made")
