"""Tables as data sets: their parts, their target, and every refusal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import csv, parquet

from vrtune.data import Dataset, tables
from vrtune.errors import UsageError, VrtuneError

N = 50
COLUMNS: dict[str, Any] = {
    "size": [float(i) for i in range(N)],
    "colour": ["red", "green"] * (N // 2),
    "kind": [["cat", "dog", "owl"][min(i % 5, 2)] for i in range(N)],
}


def save(folder: Path, name: str = "made.csv", **changes: Any) -> Path:
    """A good table with `changes`; a column that is None is left out."""
    columns = {key: v for key, v in (COLUMNS | changes).items() if v is not None}
    write = csv.write_csv if name.endswith(".csv") else parquet.write_table
    write(pa.table(columns), folder / name)
    return folder / name


def pair(folder: Path, ending: str = "csv", **changes: Any) -> Path:
    """A folder with a table of each part, that of the test part with `changes`."""
    save(folder, f"train.{ending}")
    two = {name: values[3:5] for name, values in COLUMNS.items()}
    save(folder, f"test.{ending}", **two | changes)
    return folder


@pytest.mark.parametrize("name", ["made.csv", "made.parquet"])
def test_a_fifth_of_one_file_is_held_out(name: str, tmp_path: Path) -> None:
    made = tables.load(save(tmp_path, name), "kind")
    test = made.read_test()
    assert (made.name, made.classes, made.class_names) == ("made", 3, ("cat", "dog", "owl"))
    assert made.columns == ("size", "colour=green", "colour=red")
    assert (made.shape, made.train.x.dtype) == ((3, 1, 1), torch.float32)
    assert (len(made.train.y), len(test.y)) == (40, 10)
    assert made.train.y.bincount().tolist() == [8, 8, 24]
    assert test.y.bincount().tolist() == [2, 2, 6]
    both = torch.cat([made.train.x, test.x]).flatten(1)
    assert both[:, 0].sort().values.tolist() == list(range(N))
    for x, y in zip(both, torch.cat([made.train.y, test.y]), strict=True):
        row = int(x[0])
        assert x[1:].tolist() == [row % 2, 1 - row % 2]
        assert int(y) == min(row % 5, 2)
    assert made.notes == (
        f"{tmp_path / name}: 10 of its 50 rows are held out as test part, the same for every study",
    )


def test_the_same_rows_each_time_whatever_the_file(tmp_path: Path) -> None:
    first = tables.load(save(tmp_path), "kind")
    second = tables.load(save(tmp_path, "made.parquet"), "kind")
    assert first.fingerprint == second.fingerprint
    assert torch.equal(first.read_test().x, second.read_test().x)


def test_a_rare_class_is_trained_on(tmp_path: Path) -> None:
    kind = ["rare"] + ["cat", "dog"] * 24 + ["cat"]
    made = tables.load(save(tmp_path, kind=kind), "kind")
    assert made.class_names == ("cat", "dog", "rare")
    assert made.train.y.bincount().tolist()[2] == 1


def test_the_test_part_has_no_say_in_columns(tmp_path: Path) -> None:
    """Nor in what is missing, of one file as of two."""
    held = sorted({*range(N)} - {*kept_rows(tables.load(save(tmp_path), "kind"))})
    size = [None if i in held else float(i) for i in range(N)]
    colour = ["new" if i in held else "red" if i % 2 else "green" for i in range(N)]
    made = tables.load(save(tmp_path, size=size, colour=colour), "kind")
    assert made.columns == ("size", "colour=green", "colour=red")
    median = float(made.train.x[:, 0].flatten().sort().values[[19, 20]].mean())
    assert made.read_test().x.flatten(1).tolist() == [[median, 0, 0]] * 10


def kept_rows(made: Dataset) -> list[int]:
    return made.train.x[:, 0].int().flatten().tolist()


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_folder_of_two(ending: str, tmp_path: Path) -> None:
    made = tables.load(pair(tmp_path, ending), "kind")
    assert (made.name, len(made.train.y), made.notes) == (tmp_path.name, N, ())
    made.check_test()
    test = made.read_test()
    assert test.x.flatten(1).tolist() == [[3, 1, 0], [4, 0, 1]]
    assert test.y.tolist() == [2, 2]


def test_texts_of_the_training_part_stay_texts_in_the_test_part(tmp_path: Path) -> None:
    """Though all of these could be numbers or truth values."""
    (tmp_path / "train.csv").write_text("code,kind \n01,02\n1.50,x\nTrue,02\n")
    (tmp_path / "test.csv").write_text("code, kind\n01,02\n01,02\n")
    made = tables.load(tmp_path, "kind")
    assert made.columns == ("code=01", "code=1.50", "code=True")
    assert made.read_test().x.flatten(1).tolist() == [[1, 0, 0]] * 2
    assert made.read_test().y.tolist() == [0, 0]
    (tmp_path / "test.csv").write_text("code,kind\n1.50,x\n1.50,x\n")
    assert made.read_test().x.flatten(1).tolist() == [[0, 1, 0]] * 2


def test_whole_numbers_that_no_float_holds_stay_apart(tmp_path: Path) -> None:
    made = tables.load(save(tmp_path, kind=[2**60 + i % 2 for i in range(N)]), "kind")
    assert made.class_names == (str(2**60), str(2**60 + 1))


def test_numbers_to_predict(tmp_path: Path) -> None:
    made = tables.load(save(tmp_path, size=[i + 0.5 for i in range(N)]), "size")
    assert (made.classes, made.outputs, made.class_names) == (0, 1, None)
    assert made.train.y.dtype == torch.float32
    both = torch.cat([made.train.y, made.read_test().y])
    assert both.sort().values.tolist() == [i + 0.5 for i in range(N)]
    assert len(made.train.y) == 40


@pytest.mark.parametrize(
    ("target", "wanted", "classes", "note"),
    [
        ([i * 1000 for i in range(N)], None, 0, "50 different whole numbers, taken for numbers"),
        ([i % 3 + 3 for i in range(N)], None, 3, "3 different whole numbers, taken for classes"),
        ([i % 3 + 3 for i in range(N)], "numbers", 0, ""),
        ([i % 2 for i in range(N)], None, 2, ""),
        ([i % 2 == 0 for i in range(N)], None, 2, ""),
        ([f"{i},5" for i in range(N)], None, 0, ""),
    ],
)
def test_what_a_column_is_taken_for(
    target: list[Any], wanted: Any, classes: int, note: str, tmp_path: Path
) -> None:
    made = tables.load(save(tmp_path, kind=target), "kind", wanted)
    assert made.classes == classes
    assert note in "".join(made.notes[1:])
    assert len(made.notes) == 1 + bool(note)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (None, "made.csv needs --target, the column that is predicted; choose one of size, colour"),
        ("knid", r"made.csv has no column 'knid' \(did you mean 'kind'\?\); choose one of size"),
        ("price", "has no column 'price'; choose one of size, colour, kind"),
    ],
)
def test_a_target_that_is_no_column(target: str | None, message: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=message):
        tables.load(save(tmp_path), target)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": [None, *COLUMNS["kind"][1:]]}, "lacks kind, which is predicted, in 1 of 50 rows"),
        ({"kind": ["cat"] * N}, "the training part of made holds 1 class"),
        ({"kind": [0.5] * N}, "the training part of made holds one number alone to predict, 0.5"),
        ({"kind": [f"cat {i}" for i in range(N)]}, "holds 50 classes in 50 rows: predict another"),
        ({"kind": list(range(N))}, "or add rows; --loss mse takes them for numbers"),
        ({"kind": ["2020-01-01"] * N}, "column kind of .*made.csv holds dates"),
        ({"kind": [float("inf"), *range(N - 1)]}, "column kind of .* NaN or infinite in float32"),
        ({"size": [float("inf"), *range(N - 1)]}, "infinite in float32 in size"),
        ({"size": None, "colour": None}, r"holds one column \(kind\)"),
    ],
)
def test_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match=message):
        tables.load(save(tmp_path, **changes), "kind")


def test_too_few_rows_for_two_parts(tmp_path: Path) -> None:
    (tmp_path / "made.csv").write_text("a,b\n1,0\n2,1\n3,0\n4,1\n")
    with pytest.raises(VrtuneError, match="holds 4 rows; add some, as a fifth of them"):
        tables.load(tmp_path / "made.csv", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": None}, "test.csv lacks the column kind, which is predicted: add it"),
        ({"size": None}, "test.csv lacks the column size, which the training part has"),
        ({"kind": ["cat", "fox"]}, "column kind of .*test.csv has the label 'fox', which the tra"),
        ({"kind": [1, 2]}, "column kind of .*test.csv has the label '1', which the training part"),
        ({"kind": ["cat", None]}, "test.csv lacks kind, which is predicted, in 1 of 2 rows"),
        ({"size": ["big", "small"]}, "column size of .*test.csv holds texts, that of the training"),
    ],
)
def test_a_test_part_is_refused_by_a_check_or_when_read(
    changes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    made = tables.load(pair(tmp_path, **changes), "kind")
    for ask in (made.check_test, made.read_test):
        with pytest.raises(VrtuneError, match=message):
            ask()


def test_folders_that_lack_a_part_or_hold_it_twice(tmp_path: Path) -> None:
    save(tmp_path, "train.csv")
    with pytest.raises(VrtuneError, match=r"holds no test.csv or test.parquet; lay one table of"):
        tables.load(tmp_path, "kind")
    save(tmp_path, "train.parquet")
    with pytest.raises(VrtuneError, match=r"holds train.csv and train.parquet; lay one"):
        tables.load(tmp_path, "kind")
