"""Tables in files: separators, marks, what is missing, and every refusal."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from vrtune.data.table_files import is_table, read_table
from vrtune.errors import VrtuneError


def table(folder: Path, text: str | bytes, name: str = "made.csv") -> pa.Table:
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(folder / name)[0]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["made.csv", "made.tsv", "MADE.CSV"])
def test_separators(separator: str, name: str, tmp_path: Path) -> None:
    lines = [["a", "b c", "d"], ["1", "x", "2.5"], ["3", "y", "4"]]
    found = table(tmp_path, "\n".join(map(separator.join, lines)), name)
    assert found.to_pydict() == {"a": [1, 3], "b c": ["x", "y"], "d": [2.5, 4.0]}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("\ufeffa,b\n1,2\n", {"a": [1], "b": [2]}),
        ("a,b\r\n1,2\r\n", {"a": [1], "b": [2]}),
        ("\n\na,b\n\n1,2\n\n", {"a": [1], "b": [2]}),
        (' a , b\n1, "x"\n', {"a": [1], "b": [' "x"']}),
        ('"a","b, c"\n"x, ""y""\nz",2\n', {"a": ['x, "y"\nz'], "b, c": [2]}),
        ("a;b\n1,5;2,5\n", {"a": ["1,5"], "b": ["2,5"]}),  # told apart by the columns
        ("a,b\n?,NA\n1,\n", {"a": [None, 1], "b": [None, None]}),
        ("a,b\ntrue,False\n", {"a": [True], "b": [False]}),
        ("a;b;\n1;2;\n", {"a": [1], "b": [2]}),
    ],
)
def test_what_a_csv_file_holds(text: str, wanted: dict[str, list], tmp_path: Path) -> None:
    assert table(tmp_path, text).to_pydict() == wanted


def test_the_separator_is_that_which_cuts_all_lines_alike(tmp_path: Path) -> None:
    text = "price, USD;a, b, c\n1;x\n2;y\n"
    assert table(tmp_path, text).column_names == ["price, USD", "a, b, c"]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_an_index_is_passed_over(name: str, tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text(f"{name},a,b\n0,5,6\n1,7,8\n")
    found, notes = read_table(tmp_path / "made.csv")
    assert found.column_names == ["a", "b"]
    assert "made.csv: the column without a name is taken for an index, and passed over" in notes[0]


def test_parquet(tmp_path: Path) -> None:
    wanted = pa.table({"a": [1.5, None], "b": ["x", "y"], "__index_level_0__": [3, 4]})
    parquet.write_table(wanted, tmp_path / "made.parquet")
    found, notes = read_table(tmp_path / "made.parquet")
    assert found.to_pydict() == {"a": [1.5, None], "b": ["x", "y"]}
    assert len(notes) == 1
    views = pa.table({"a": pa.array(["x", "y"]).cast(pa.string_view()), "b": [1, 2]})
    parquet.write_table(views, tmp_path / "made.parquet")
    assert read_table(tmp_path / "made.parquet")[0].take([1]).to_pydict() == {"a": ["y"], "b": [2]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "made.csv is empty; give a table"),
        (" \n\n", "made.csv is empty"),
        ("a,b\n", "made.csv holds no rows; add some"),
        ("a\n1\n", r"made.csv holds one column \(a\), and it takes two"),
        ("a,b,a\n1,2,3\n", "made.csv has two columns named a; rename one"),
        ("a, a\n1,2\n", "has two columns named a"),
        ("a,b\n1,2,3\n", r"cannot be read as a table \(CSV parse error: Expected 2 columns, got 3"),
        ("5.1,3,-1e3\n1,2,3\n", r"made.csv has numbers in its first line \(5.1, 3, -1e3\); begin"),
        ("a,,b\n1,2,3\n", "column 2 of .*made.csv has no name"),
        ("a,b\n1,2\n".encode("utf-16"), "made.csv is no text in UTF-8"),
        ("größe,b\n1,2\n".encode("latin-1"), "made.csv is no text in UTF-8; save it as such"),
        (bytes(range(256)), "made.csv is no text in UTF-8"),
    ],
)
def test_refused(text: str | bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match=message) as raised:
        table(tmp_path, text)
    assert "\n" not in str(raised.value)


def test_what_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match="cannot be read as a table"):
        table(tmp_path, "a,b\n1,2\n", "made.parquet")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(VrtuneError, match=r"pipe.csv is no regular file"):
        read_table(tmp_path / "pipe.csv")


def test_folders_of_tables_are_told_from_those_of_images(tmp_path: Path) -> None:
    assert not is_table(tmp_path)
    (tmp_path / "train.parquet").touch()
    assert is_table(tmp_path)
    assert is_table(tmp_path / "train.parquet")
    (tmp_path / "train").mkdir()
    assert not is_table(tmp_path)
    assert not is_table(tmp_path / "missing.csv")


def test_pyarrow_is_asked_for_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.csv", None)
    with pytest.raises(VrtuneError, match=r"not installed: pip install 'vrtune\[tables\]'"):
        table(tmp_path, "a,b\n1,2\n")
