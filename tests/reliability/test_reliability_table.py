"""The table of docs/reliability.md is that of the record."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "benchmarks" / "reliability.json"


@pytest.fixture
def table(part: Callable[[str], ModuleType]) -> ModuleType:
    return part("table")


def test_the_document_shows_the_record(table: ModuleType) -> None:
    rows = json.loads(RECORD.read_text())["rows"]
    said = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    assert table.markdown(rows) in said
    assert table.totals(rows) in said


def test_what_the_document_promises(table: ModuleType) -> None:
    rows = json.loads(RECORD.read_text())["rows"]
    assert not [row for row in rows if table.is_bad(row)]
    killed = [row for row in rows if row["fault"] == "a process killed"]
    assert sum(row["times"] for row in killed) >= 100
    assert {row["storage"] for row in killed} == {"sqlite", "postgresql", "journal"}


GOOD = {
    **{
        "fault": "a process killed",
        "times": 3,
        "cut_off": 3,
        "every": 5,
        "again": 9,
        "gave_up": [],
    },
    **dict.fromkeys(("lost", "stuck", "doubled", "anew", "unlike"), 0),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *dict.fromkeys(("lost", "stuck", "doubled", "anew", "unlike"), 1).items(),
        ("again", 16),  # more than an interval of each that was cut off
        ("gave_up", ["error: the database does not answer"]),
    ],
)
def test_a_bad_row_is_told_from_a_good_one(table: ModuleType, name: str, value: object) -> None:
    assert not table.is_bad(GOOD)
    assert table.is_bad(GOOD | {name: value})
