"""Tables in files: CSV, whatever its separator, and Parquet, both read by pyarrow."""

from __future__ import annotations

import csv
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from vrtune.data.base import TABLES
from vrtune.display.figures import first_of, safe
from vrtune.errors import VrtuneError, brief
from vrtune.machine import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

PARQUET = (".parquet", ".pq")
SEPARATORS = ",;\t|"
LOOKED_AT = 2**16  # bytes, of which the separator is told
INDEX = re.compile(r"(__index_level_\d+__|Unnamed: 0)?")  # what pandas calls a column without name
NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


def is_table(path: Path) -> bool:
    """Whether a path is that of a table, or of a folder of two in which there are no images."""
    if os.path.isfile(path):
        return path.suffix.lower() in TABLES
    parts = [path / f"train{ending}" for ending in TABLES]
    return not os.path.isdir(path / "train") and any(map(os.path.isfile, parts))


def read_table(path: Path, texts: Collection[str] = ()) -> tuple[pa.Table, tuple[str, ...]]:
    """A table whose columns have names, and sentences on what of it was passed over.

    Texts of a CSV file that are empty, ?, NA, NaN or null are missing values; its columns of the
    names in `texts` are not taken for numbers. VrtuneError where the file can't be read, or has no
    rows, or two columns of one name.
    """
    if not os.path.isfile(path):  # a pipe would be waited for
        raise VrtuneError(f"{safe(path)} is no regular file; give a table")
    check_memory(path.stat().st_size, safe(path))
    with _told(path):
        parquet = path.suffix.lower() in PARQUET
        table = _read_parquet(path) if parquet else _read_csv(path, texts)
        table = table.rename_columns([name.strip() for name in table.column_names])
    table, notes = _without_index(table, safe(path))
    twice = [safe(name) for name, count in Counter(table.column_names).items() if count > 1]
    if twice:
        raise VrtuneError(f"{safe(path)} has two columns named {first_of(twice, 5)}; rename one")
    if not table.num_rows:
        raise VrtuneError(f"{safe(path)} holds no rows; add some")
    if table.num_columns < 2:
        named = ", ".join(map(safe, table.column_names))
        raise VrtuneError(
            f"{safe(path)} holds one column ({named}), and it takes two to predict one from the "
            "other: add columns, or separate them by commas, semicolons or tabs"
        )
    return table, notes


def _read_parquet(path: Path) -> pa.Table:
    table = _arrow("parquet").read_table(path)
    import pyarrow as pa

    plain = [  # of views no rows can be taken
        field.with_type(pa.large_string()) if field.type == pa.string_view() else field
        for field in table.schema
    ]
    return table.cast(pa.schema(plain))


def _read_csv(path: Path, texts: Collection[str]) -> pa.Table:
    arrow = _arrow("csv")
    separator, names = _head(path)
    return arrow.read_csv(
        path,
        parse_options=arrow.ParseOptions(delimiter=separator, newlines_in_values=True),
        convert_options=arrow.ConvertOptions(
            strings_can_be_null=True,
            null_values=[*arrow.ConvertOptions().null_values, "?"],
            column_types={name: "string" for name in names if name.strip() in texts},
        ),
    )


def _head(path: Path) -> tuple[str, list[str]]:
    """The separator, which cuts most of the first lines into as many fields as their first, and the
    names in that. VrtuneError for what is no text, and where the first line holds no names."""
    with path.open("rb") as file:
        head = file.read(LOOKED_AT)
    if not head.strip():
        raise VrtuneError(f"{safe(path)} is empty; give a table")
    if b"\0" in head or head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise VrtuneError(f"{safe(path)} is no text in UTF-8; save it as such")
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    lines = lines[:-1] if len(head) == LOOKED_AT and len(lines) > 1 else lines

    def agreement(separator: str) -> tuple[float, int]:
        rows = [row for row in csv.reader(islice(lines, 50), delimiter=separator) if row]
        alike = sum(len(row) == len(rows[0]) for row in rows) / len(rows)
        return (alike if len(rows[0]) > 1 else 0), len(rows[0])

    try:
        separator = max(SEPARATORS, key=agreement)
        names = next(row for row in csv.reader(lines, delimiter=separator) if row)
    except csv.Error:  # a field longer than any is
        return ",", []
    named = [name for name in names if name.strip()]
    if named and all(NUMBER.fullmatch(name.strip()) for name in named):
        raise VrtuneError(
            f"{safe(path)} has numbers in its first line ({first_of([*map(safe, named)], 3)}); "
            "begin it with the names of the columns"
        )
    return separator, names


def _without_index(table: pa.Table, where: str) -> tuple[pa.Table, tuple[str, ...]]:
    """The table without its index, which pandas writes along, and without columns of no name in
    which nothing is."""
    unnamed = [i for i, name in enumerate(table.column_names) if INDEX.fullmatch(name)]
    empty = [i for i in unnamed if table.column(i).null_count == table.num_rows]
    index = [i for i in unnamed if i not in empty and (i == 0 or table.column_names[i])]
    for i in unnamed:
        if i not in empty and i not in index:
            raise VrtuneError(f"column {i + 1} of {where} has no name; give it one")
    kept = [i for i in range(table.num_columns) if i not in unnamed]
    told = f"{where}: the column without a name is taken for an index, and passed over"
    return (table.select(kept) if unnamed else table), (told,) * bool(index)


def _arrow(part: str) -> ModuleType:
    """A module of pyarrow. VrtuneError where it is not installed."""
    try:
        return import_module(f"pyarrow.{part}")
    except ImportError:
        raise VrtuneError(
            "tables are read by pyarrow, which is not installed: pip install 'vrtune[tables]'"
        ) from None


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """VrtuneError for whatever pyarrow raises of a file."""
    try:
        yield
    except VrtuneError:
        raise
    except UnicodeDecodeError as error:  # in a name of a column
        raise VrtuneError(f"{safe(path)} is no text in UTF-8; save it as such") from error
    except Exception as error:
        why = brief(str(error)).rstrip(".")
        raise VrtuneError(f"{safe(path)} cannot be read as a table ({why}); mend it") from error
