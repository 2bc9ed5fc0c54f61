"""Tables as text: as many columns side by side as fit."""

from __future__ import annotations

import pytest

from vrtune.display.tables import blocks, broken

NAMES = ["who", "a", "\u4e2d\u6587"]  # a Chinese character is two columns wide
ONE, TWO = ["one", "1", "11"], ["two", "2", "22"]
TEXT = ["text", "some words to read", "more"]


def lines(*parts: list[list[str]], width: int) -> list[list[str]]:
    return [str(block).splitlines() for block in blocks(NAMES, parts, width)]


def test_parts_lie_side_by_side_where_there_is_room() -> None:
    (table,) = lines([ONE], [TWO], width=14)
    assert table == ["who   one  two", "a     1    2", "\u4e2d\u6587  11   22"]


def test_what_has_no_room_comes_below_with_the_names_again() -> None:
    first, second = lines([ONE], [TWO], width=13)
    assert first == ["who   one", "a     1", "\u4e2d\u6587  11"]
    assert second == ["who   two", "a     2", "\u4e2d\u6587  22"]


def test_a_part_stays_together_while_it_can() -> None:
    assert len(lines([ONE], [ONE, TWO], width=16)) == 2
    assert [len(table[0].split()) for table in lines([ONE], [ONE, TWO], width=13)] == [2, 2, 2]


def test_the_last_column_breaks_at_blanks() -> None:
    (table,) = lines([TEXT], width=16)
    assert table == [
        *("who   text", "a     some words", "      to read", "\u4e2d\u6587  more"),
    ]
    (table,) = lines([TEXT], width=1)  # words stay whole
    assert max(map(len, table)) == len("      words")


@pytest.mark.parametrize("width", [1, 5, 11, 100])
def test_a_text_breaks_at_blanks(width: int) -> None:
    text = "to be or not to be  twice"
    parts = broken(text, width)
    assert " ".join(parts).split() == text.split()
    assert all(len(part) <= width or " " not in part for part in parts)


def test_an_empty_text_is_a_line() -> None:
    assert broken("", 10) == [""]
