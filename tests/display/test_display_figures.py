"""Numbers, settings and names as people read them, none of which may move a cursor."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from vrtune.display.figures import figure, first_of, plus_minus, safe, settings


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, "-"),
        (0.123456789, "0.12346"),
        (1e30, "1e+30"),
        (10**30, "1.0000e+30"),
        (-(10**300), "-1.0000e+300"),
        (1e-30, "1e-30"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (123456.0, "123456"),
        (1234567, "1234567"),
        (2**64 - 1, "18446744073709551615"),
        (-0.0, "0"),
        (True, "True"),
        (np.float32(0.1), "0.1"),
        (np.int64(7), "7"),
        (np.bool_(False), "False"),
        (Fraction(1, 3), "0.33333"),
        ("one\ntwo", r"one\ntwo"),
        ((1, "a"), "(1, 'a')"),
    ],
)
def test_a_number_as_people_read_it(value: Any, read: str) -> None:
    assert figure(value) == read


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, 'quoted' <b>", "plain, 'quoted' <b>"),
        ("é漢字😀 λ", "é漢字😀 λ"),
        ("\x1b[31mred\x1b]0;title\x07", r"\x1b[31mred\x1b]0;title\x07"),
        ("a\nb\r\tc\x00\x7f\x9b", r"a\nb\r\tc\x00\x7f\x9b"),
        ("a\u2028b\u2029", r"a\u2028b\u2029"),
        ("abc\u202ecba\u2066", r"abc\u202ecba\u2066"),
        ("no\u200bspace\ufeff", r"no\u200bspace\ufeff"),
        ("half\ud800", r"half\ud800"),
        ("\U000e0041tag", r"\U000e0041tag"),
        (r"C:\names", r"C:\names"),
        (7, "7"),
    ],
)
def test_what_is_not_printable_is_made_visible(text: object, shown: str) -> None:
    assert safe(text) == shown
    assert safe(text).isprintable()


@given(some.text(some.characters(exclude_categories=())))  # lone surrogates among them
def test_whatever_the_text_it_can_be_printed_on_one_line(text: str) -> None:
    shown = safe(text)
    assert shown.isprintable()
    assert shown.encode().decode() == shown
    assert (shown == text) == text.isprintable()


@given(some.floats() | some.integers() | some.text() | some.none() | some.booleans())
def test_whatever_the_value_it_is_short_or_a_text(value: Any) -> None:
    assert isinstance(value, str) or len(figure(value)) <= 21


def test_settings_are_safe_on_both_sides() -> None:
    params = {"lr": 0.100001, "n": 3, "k\n": "a\x1b[2J", "big": 1e30, "off": None}
    assert settings(params) == r"lr=0.1, n=3, k\n=a\x1b[2J, big=1e+30, off=-"


@pytest.mark.parametrize(
    ("values", "read"), [([0.5], "0.5000"), ([0.5, 0.7], "0.6000 +- 0.1414"), ([None], "diverged")]
)
def test_mean_and_deviation(values: list[float | None], read: str) -> None:
    known = [value for value in values if value is not None]
    mean, std = (sum(known) / len(known), 0.1414) if known else (None, None)
    assert plus_minus(SimpleNamespace(mean=mean, std=std, values=values)) == read


def test_an_integer_of_more_digits_than_python_writes() -> None:
    assert figure(10**5000) == "1.0000e+5000"


def test_many_names_are_counted() -> None:
    assert first_of(["a", "b", "c"], 3) == "a, b, c"
    assert first_of(["a", "b", "c"], 1) == "a and 2 more"
