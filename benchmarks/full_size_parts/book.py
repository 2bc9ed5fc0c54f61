"""The record of a study that may be cut off: a row that is in it is not computed again."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from gpu_parts.working import short
from record import shortened, write

from vrtune.lanes.device import choose_device

Row = dict[str, Any]
PLACES = ("output_dir", "data_dir", "storage")  # where something lies is no part of a question


class Book:
    """Rows by key, in NAME-DEVICE.json, or NAME-short-DEVICE.json for a short form.

    The record says what was asked for; one of another question is left alone.
    """

    def __init__(self, name: str, given: argparse.Namespace, n: int) -> None:
        self.device, self.n = choose_device("auto"), n
        form = "-short" if given.short else ""
        self.stem = given.output_dir / f"{name}{form}-{short(self.device)}"
        asked = {k: v for k, v in vars(given).items() if k not in PLACES}
        asked = {k: shortened(v) if isinstance(v, str) else v for k, v in asked.items()}
        self.asked: Row = json.loads(json.dumps(asked))
        self.rows: list[Row] = []
        path = self.stem.with_suffix(".json")
        if path.exists():
            kept = json.loads(path.read_text())
            if kept["asked"] != self.asked:
                sys.exit(f"{path} holds what was asked for otherwise: move it, or --output-dir")
            self.rows = kept["rows"]

    def add(self, key: Row, work: Callable[[], Row]) -> None:
        """Computes and keeps a row, with its seconds, unless it is there."""
        if any(key.items() <= row.items() for row in self.rows):
            return
        print(", ".join(f"{k} {v}" for k, v in key.items()), flush=True)
        began = time.perf_counter()
        found = work()
        self.rows.append({**key, **found, "seconds": round(time.perf_counter() - began, 1)})
        self.write()

    def write(self) -> None:
        """The record as it stands."""
        total = round(sum(row["seconds"] for row in self.rows), 1)
        found = {
            "short_form": self.asked["short"],
            "asked": self.asked,
            "seconds": total,
            "rows": self.rows,
        }
        write(self.stem, self.device, self.n, found)
