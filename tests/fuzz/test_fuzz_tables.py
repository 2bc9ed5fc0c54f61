"""Tables of any kind: read, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from fuzzing import TEXT, damaged, fuzzed
from hypothesis import strategies as st
from pyarrow import parquet
from test_fuzz_arrays import read

from vrtune.data import tables
from vrtune.data.targets import Wanted

ROWS = 12
SOUND = "a,b,y\n" + "".join(f"{i}.5,{'pq'[i % 2]},{i % 3}\n" for i in range(ROWS))
CELL = st.sampled_from(
    [
        "",
        "1",
        "1,5",
        "1.234,5",
        "1e400",
        "nan",
        "NA",
        "inf",
        "-0",
        '"',
        "'",
        ";",
        "\t",
        "2020-01-01",
    ]
) | TEXT.map(lambda t: t.encode(errors="replace").decode())
WANTED: st.SearchStrategy[Wanted | None] = st.sampled_from(["labels", "numbers", None])
COLUMN = st.one_of(
    *(
        st.lists(st.none() | cell, min_size=ROWS, max_size=ROWS)
        for cell in (
            st.integers(-(2**63), 2**63 - 1),
            st.floats(),
            st.sampled_from(["a", "b", "1,5", "1,234", "2020-01-01"]),
            st.text(max_size=4).filter(lambda t: t.isascii()),
            st.booleans(),
            st.binary(max_size=3),
            st.dates(),
            st.timedeltas(),
            st.decimals(allow_nan=False, allow_infinity=False, places=2, max_value=10**9),
            st.lists(st.integers(0, 3), max_size=2),
        )
    )
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@fuzzed(200, data=damaged(SOUND.encode()), ending=st.sampled_from(["csv", "tsv"]), wanted=WANTED)
def test_damaged_text(data: bytes, ending: str, wanted: Wanted | None, folder: Path) -> None:
    path = folder / f"made.{ending}"
    path.write_bytes(data)
    read(lambda: tables.load(path, "y", wanted))


@fuzzed(
    280,
    head=st.lists(CELL, min_size=1, max_size=4),
    cells=st.lists(st.lists(CELL, max_size=4), max_size=ROWS),
    between=st.sampled_from([",", ";", "\t", "|"]),
    target=CELL | st.sampled_from(["a", "y"]),
    wanted=WANTED,
)
def test_any_text(
    head: list[str],
    cells: list[list[str]],
    between: str,
    target: str,
    wanted: Wanted | None,
    folder: Path,
) -> None:
    path = folder / "made.csv"
    lines = [between.join(["y", *head]), *(between.join(["1", *row]) for row in cells)]
    path.write_bytes("\n".join(lines).encode())
    read(lambda: tables.load(path, target, wanted))


@fuzzed(
    280,
    columns=st.dictionaries(st.sampled_from("abcy") | CELL, COLUMN, min_size=1, max_size=4),
    wanted=WANTED,
)
def test_columns_of_any_type(
    columns: dict[str, list[Any]], wanted: Wanted | None, folder: Path
) -> None:
    path = folder / "made.parquet"
    try:
        parquet.write_table(pa.table(columns), path)
    except (pa.ArrowException, ValueError, OverflowError):  # no such table can be
        return
    read(lambda: tables.load(path, next(iter(columns)), wanted))


@fuzzed(200, data=st.deferred(lambda: damaged(_parquet())))
def test_damaged_parquet(data: bytes, folder: Path) -> None:
    path = folder / "made.parquet"
    path.write_bytes(data)
    read(lambda: tables.load(path, "y"))


def _parquet() -> bytes:
    sink = pa.BufferOutputStream()
    columns = {"a": [i + 0.5 for i in range(ROWS)], "y": [i % 3 for i in range(ROWS)]}
    parquet.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()
