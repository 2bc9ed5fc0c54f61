"""A figure with what belongs to it: how to read it, and its data as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go


@dataclass(frozen=True)
class Panel:
    """A figure of one pair of axes, its data, and a sentence that says how to read it."""

    name: str  # of its files: train-loss-over-epochs
    title: str
    how: str  # to read it
    figure: go.Figure
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Any]]
    study: str | None = None  # which it is about; None: several side by side

    def csv(self) -> str:
        """The data that are drawn, as comma-separated values under a line of names."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(self.rows)
        return out.getvalue()

    def __repr__(self) -> str:
        return f"<{self.name}: {self.title}, {len(self.rows)} rows>"

    def _repr_mimebundle_(self, **given: Any) -> Any:
        """In a notebook the figure itself."""
        return self.figure._repr_mimebundle_(**given)
