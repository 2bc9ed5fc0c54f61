"""Columns of a table as numbers: how they are encoded is learned from the training part alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vrtune.display.figures import first_of, safe
from vrtune.errors import VrtuneError
from vrtune.machine import check_memory

if TYPE_CHECKING:
    import pyarrow as pa

MOST = 1000  # different texts of a column that are columns of their own
FEW = 20  # so few texts are categories, whatever they look like
NUMBER = re.compile(r"[^\w\s]?\s*[-+]?\d[\d.,' ]*(e[-+]?\d+)?\s*[^\w\s]?", re.IGNORECASE)
THOUSANDS = re.compile(r"[-+]?(\d{1,3}|[1-9]\d{0,2},\d{3})")
COMMA = re.compile(r"[-+]?\d+(,\d+)?(e[-+]?\d+)?", re.IGNORECASE)
DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}([T ].*)?")


@dataclass(frozen=True)
class Column:
    """How one is encoded: as it is, with `fill` for what is missing, or a column for each of its
    `texts`; another marks what is missing, where the training part lacks some."""

    name: str
    fill: float
    texts: tuple[str, ...] | None
    marks: bool

    @property
    def names(self) -> list[str]:
        """Of the columns it becomes."""
        own = [self.name] if self.texts is None else [f"{self.name}={t}" for t in self.texts]
        return [*map(safe, own)] + [safe(f"{self.name} is missing")] * self.marks

    def encode(self, values: np.ndarray) -> np.ndarray:
        """[N, k] of numbers with NaN, or of texts with None."""
        missing = is_missing(values)
        if self.texts is None:
            whole = np.where(missing, self.fill, values)[:, None]
        else:
            at = {text: i for i, text in enumerate(self.texts)}
            own = np.array([at.get(value, -1) for value in values])
            whole = own[:, None] == np.arange(len(at))
        return np.hstack([whole, missing[:, None]]) if self.marks else whole


@dataclass(frozen=True)
class Encoder:
    """How the columns of a table become x [N, D]."""

    columns: tuple[Column, ...]
    notes: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Those of the D columns."""
        return tuple(name for column in self.columns for name in column.names)

    def __call__(self, table: pa.Table, where: str) -> np.ndarray:
        """x [N, D], float32. VrtuneError where columns are missing or hold something else."""
        lacking = [safe(c.name) for c in self.columns if c.name not in table.column_names]
        if lacking:
            raise VrtuneError(
                f"{where} lacks the column{'s' * (len(lacking) > 1)} {first_of(lacking, 5)}, which "
                "the training part has: prepare both alike"
            )
        shape, first = (table.num_rows, len(self.names)), 0
        check_memory(4 * shape[0] * shape[1], where)
        x = np.empty(shape, np.float32)
        for column in self.columns:
            part = column.encode(_values(table, column, where))
            with np.errstate(over="ignore"):
                x[:, first : first + part.shape[1]] = part
            first += part.shape[1]
        wrong = [self.names[i] for i in np.flatnonzero(~np.isfinite(x).all(axis=0))]
        if wrong:
            raise VrtuneError(
                f"{where} has values that are infinite in float32 in {first_of(wrong, 5)}; replace "
                "them"
            )
        return x


def encoder(table: pa.Table, target: str, where: str) -> Encoder:
    """How all columns but the target are encoded, as the training part `table` says.

    Numbers and booleans stay, what is missing becomes the column's median; texts become a column
    for each, in sorted order. Passed over are columns of one value, and texts that hardly repeat.
    VrtuneError for dates, and for what is neither number nor text.
    """
    columns, filled, constant, names = [], [], [], []
    for name in table.column_names:
        if name == target:
            continue
        values = numbers_or_texts(table, name, where)
        texts = values.dtype.kind == "O"
        missing = is_missing(values)
        known = values[~missing]
        different = sorted(set(known)) if texts else np.unique(known)
        if len(different) + missing.any() < 2:
            constant.append(safe(name))
        elif texts and len(different) > max(FEW, len(known) // 2):
            names.append(safe(name))
        elif texts and len(different) > MOST:
            raise VrtuneError(
                f"column {safe(name)} of {where} holds {len(different)} different texts: put rare "
                "ones together, or remove it"
            )
        else:
            filled += [safe(name)] * bool(missing.any())
            fill = 0.0 if texts or not len(known) else float(np.median(known))
            of_texts = tuple(different) if texts else None
            columns.append(Column(name, fill, of_texts, bool(missing.any())))
    notes = []
    if filled:
        notes.append(
            f"{where}: values are missing in {first_of(filled, 5)}: numbers are filled with the "
            "median of the training part, and a column more marks them"
        )
    if constant:
        notes.append(f"{where}: passed over, as all values are one: {first_of(constant, 5)}")
    if names:
        notes.append(f"{where}: passed over, as its texts hardly repeat: {first_of(names, 5)}")
    if not columns:
        raise VrtuneError(f"{where} has no column to predict {safe(target)} from; add one")
    return Encoder(tuple(columns), tuple(notes))


def numbers_or_texts(table: pa.Table, name: str, where: str) -> np.ndarray:
    """A column as float64 with NaN for what is missing, or as texts with None. VrtuneError for what
    is neither."""
    import pyarrow as pa

    column, column_name = table.column(name), f"column {safe(name)} of {where}"
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or kind == pa.string_view():
        return _texts(column, column_name)
    elif pa.types.is_temporal(kind):
        raise _is_dated(column_name)
    elif pa.types.is_binary(kind):
        raise VrtuneError(f"{column_name} holds bytes that are no text in UTF-8; save it as such")
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        raise VrtuneError(f"{column_name} is of type {safe(kind)}; turn it into numbers or texts")
    return column.cast(pa.float64(), safe=False).to_numpy()


def is_missing(values: np.ndarray) -> np.ndarray:
    """Where a column has no value, [N]."""
    if values.dtype.kind == "O":
        return np.array([value is None for value in values], dtype=bool)
    return np.isnan(values)


def _values(table: pa.Table, column: Column, where: str) -> np.ndarray:
    """What a part holds in a column, of the kind that the training part had."""
    values = numbers_or_texts(table, column.name, where)
    if column.texts is None and values.dtype.kind == "O":
        if is_missing(values).all():
            return np.full(len(values), np.nan)
        raise VrtuneError(
            f"column {safe(column.name)} of {where} holds texts, that of the training part numbers;"
            " prepare both alike"
        )
    if column.texts is not None and values.dtype.kind != "O":  # 1, 2 where there were 1, 2, 3+
        told = [None if np.isnan(v) else str(int(v) if v.is_integer() else v) for v in values]
        return np.array(told, object)
    return values


def _texts(column: pa.ChunkedArray, where: str) -> np.ndarray:
    """Texts, or the numbers that they are with a comma as their point."""
    coded = column.combine_chunks().dictionary_encode()
    known = [text.strip() for text in coded.dictionary.to_pylist()]
    at = coded.indices.fill_null(len(known)).to_numpy()
    if known and all(map(COMMA.fullmatch, known)) and any("," in text for text in known):
        if all(map(THOUSANDS.fullmatch, known)):
            raise VrtuneError(
                f"{where} holds numbers such as {known[0]!r}, whose comma may stand before "
                "thousands or be the decimal point; write 1234 or 1.234"
            )
        numbers = [float(text.replace(",", ".")) for text in known]
        return np.array([*numbers, np.nan])[at]
    if known and all(map(DATE.fullmatch, known)):
        raise _is_dated(where)
    odd = [text for text in known if not NUMBER.fullmatch(text)]
    if len(known) > FEW and len(odd) < len(known) / 2:
        such = odd[0] if odd else known[0]
        raise VrtuneError(
            f"{where} holds numbers, but also {safe(such)[:50]!r}; write every number as 1234.5, "
            "and leave empty what is missing"
        )
    return np.array([*known, None], object)[at]


def _is_dated(where: str) -> VrtuneError:
    return VrtuneError(
        f"{where} holds dates or times; turn them into numbers, such as days or a month, or remove "
        "them"
    )
