"""quoted.py: rows are proposed for the numbers of a document that have none; others are kept."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest


def test_rows_are_proposed_by_the_labels_of_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """7 stands in the record thrice; of the line of `svrg` it is the one under its lanes."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    proposed = import_module("quoted").proposed
    (tmp_path / "docs" / "benchmarks").mkdir(parents=True)
    rows = [
        {"method": "sgd", "lanes": 4, "share": 0.0712, "loss": 1.2349},
        {"method": "svrg", "lanes": 7, "share": 0.07, "loss": 0.9876},
    ]
    record = tmp_path / "docs" / "benchmarks" / "x.json"
    record.write_text(json.dumps({"command": "x", "seven": 7, "rows": rows}))
    text = """# Found

[json](x.json) has 7 more, and a loss of 0.9876.

| method | lanes | share | loss |
|---|---|---|---|
| sgd | 4 | 7.1 % | 1.235 |
| svrg | 7 | 7.0 % | 0.988 |
"""
    found = proposed(tmp_path, "README.md", text, [])
    one = 'one(r["rows"], method="{}")["{}"]'.format
    assert [(row.number, row.where) for row in found] == [
        ("7", "?"),
        ("0.9876", one("svrg", "loss")),
        ("4", one("sgd", "lanes")),
        ("7.1", "100 * " + one("sgd", "share")),
        ("1.235", one("sgd", "loss")),
        ("7", one("svrg", "lanes")),
        ("7.0", "100 * " + one("svrg", "share")),
        ("0.988", one("svrg", "loss")),
    ]
    known = replace(found[0], where='r["seven"]', record="benchmarks/x.json")
    again = proposed(tmp_path, "README.md", text, [known, *found[2:]])
    assert again == [known, *found[1:]]
    text = text.replace("7 more, and a loss", "a loss").replace("0.9876.", "0.9876 and 7 more.")
    again = proposed(tmp_path, "README.md", text, [known, *found[1:]])
    assert again == [found[1], known, *found[2:]]
