"""How studies were made."""

from __future__ import annotations

from reference.made_studies import EVIL

from vrtune.reporting.origins import origins
from vrtune.reporting.report import Report


def test_a_row_a_study_without_columns_that_say_nothing(found: Report) -> None:
    columns, rows = origins(found.tuned)
    assert len(rows) == 3
    first = dict(zip(columns, rows[0], strict=True))
    assert first["data"] == "0" * 16
    assert first["sampler"] == "random"
    assert first["device"] == EVIL
    assert first["versions"].startswith("vrtune 1.0 torch 1.0")
    assert first["searched"] == "2025-01-02"
    assert first["seeds trained again"] == "3"
    assert "commit" not in columns
