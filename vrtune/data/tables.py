"""A table of samples, CSV or Parquet, of which one column is predicted from all others."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from vrtune.data.base import TABLES, Dataset, Outline, Part
from vrtune.data.columns import Encoder, encoder, is_missing, numbers_or_texts
from vrtune.data.folds import limit_indices
from vrtune.data.table_files import read_table
from vrtune.data.targets import Targets, Wanted, targets_of
from vrtune.display.figures import first_of, safe
from vrtune.errors import UsageError, VrtuneError

if TYPE_CHECKING:
    import pyarrow as pa

FEWEST = 5  # rows
TEST_SHARE = 0.2  # of the rows of a table that has no test part
SPLIT_SEED = 0  # fixed: the test part is the same for every study


def load(path: Path, target: str | None, wanted: Wanted | None = None) -> Dataset:
    """A folder with train.csv and test.csv, or one file, of which a fifth is held out as test part.

    Each column is a channel of x [N, columns, 1, 1], float32. How columns are encoded is learned
    from the training part. Raises UsageError for a target that is no column, VrtuneError for what
    can't be read or encoded.
    """
    file, test_file = _files(path)
    table, notes = read_table(file)
    where, name = safe(file), safe(path.resolve().name if test_file else path.stem)
    column = _target(table, target, where)
    raw = _raw(table, column, where)
    targets = targets_of(raw, f"column {safe(column)} of {where}", wanted)
    y = targets(raw, f"column {safe(column)} of {where}")
    rows, held_out = torch.arange(len(y)), None
    if test_file is None:
        rows, held_out = _halves(y, targets, where, column)
        notes += (
            f"{where}: {len(held_out)} of its {len(y)} rows are held out as test part, the same "
            "for every study",
        )
    train = table.take(rows.numpy())
    kept = None if held_out is None else table.take(held_out.numpy())
    encode = encoder(train, column, where)
    texts = {one.name for one in encode.columns if one.texts is not None}
    if targets.labels is not None and targets.labels.dtype.kind == "U":
        texts.add(column)

    def read_test() -> Part:
        if test_file is None:
            return _part(kept, encode, y[held_out], where)
        other = safe(test_file)
        test = read_table(test_file, texts)[0]
        if column not in test.column_names:
            raise VrtuneError(
                f"{other} lacks the column {safe(column)}, which is predicted: add it"
            )
        found = targets(_raw(test, column, other), f"column {safe(column)} of {other}")
        return _part(test, encode, found, other)

    return Dataset(
        name,
        targets.classes,
        _part(train, encode, y[rows], where),
        read_test,
        notes=(*notes, *targets.notes, *encode.notes),
        class_names=targets.names,
        outline_test=lambda: Outline.of(read_test()),
        columns=encode.names,
    )


def _part(table: pa.Table, encode: Encoder, y: Tensor, where: str) -> Part:
    return Part(torch.from_numpy(encode(table, where))[:, :, None, None], y)


def _files(path: Path) -> tuple[Path, Path | None]:
    """The training table and, in a folder, that of the test part."""
    if path.is_file():
        return path, None
    found = []
    for part in ("train", "test"):
        files = [path / f"{part}{ending}" for ending in TABLES]
        there = [file for file in files if file.is_file()]
        if len(there) != 1:
            what = " and ".join(file.name for file in there) or f"no {part}.csv or {part}.parquet"
            raise VrtuneError(f"{safe(path)} holds {what}; lay one table of each part there")
        found += there
    return found[0], found[1]


def _target(table: pa.Table, target: str | None, where: str) -> str:
    """The column that is predicted. UsageError if there is none of the name."""
    names = table.column_names
    if target is not None and target.strip() in names:
        return target.strip()
    close = get_close_matches(target or "", names, 1)
    wrong = "needs --target, the column that is predicted" if target is None else ""
    wrong = wrong or f"has no column {safe(target)!r}"
    guess = f" (did you mean {safe(close[0])!r}?)" if close else ""
    raise UsageError(f"{where} {wrong}{guess}; choose one of {first_of([*map(safe, names)], 20)}")


def _raw(table: pa.Table, target: str, where: str) -> np.ndarray:
    """What is to be predicted: texts, booleans, whole numbers or floats, none of them missing."""
    import pyarrow as pa

    column = table.column(target)
    values, kind = numbers_or_texts(table, target, where), column.type
    missing = is_missing(values)
    if missing.any():
        raise VrtuneError(
            f"{where} lacks {safe(target)}, which is predicted, in {missing.sum()} of "
            f"{len(values)} rows; remove those rows"
        )
    if values.dtype.kind == "O":
        return values.astype(str)
    if pa.types.is_boolean(kind):
        return values.astype(bool)
    return column.to_numpy() if pa.types.is_integer(kind) else values  # some are no float64


def _halves(y: Tensor, targets: Targets, where: str, target: str) -> tuple[Tensor, Tensor]:
    """Rows of the training and of the test part; every class is in the first."""
    kept = len(y) - round(TEST_SHARE * len(y))
    if len(y) < FEWEST:
        raise VrtuneError(
            f"{where} holds {len(y)} rows; add some, as a fifth of them is held out as test part"
        )
    if targets.classes > kept // 2:
        texts = targets.labels is None or targets.labels.dtype.kind == "U"
        numbers = "" if texts else "; --loss mse takes them for numbers"
        raise VrtuneError(
            f"column {safe(target)} of {where} holds {targets.classes} classes in {len(y)} rows: "
            f"predict another column, or add rows{numbers}"
        )
    rows = limit_indices(y, kept, SPLIT_SEED)
    others = torch.ones(len(y), dtype=torch.bool)
    others[rows] = False
    return rows, others.nonzero()[:, 0]
