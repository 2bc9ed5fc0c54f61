"""Data of a user's function: every form it may return, and every refusal."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import torch

from vrtune.data import Dataset, own
from vrtune.errors import VrtuneError

SETS = """
    import numpy as np, torch
    from PIL import Image
    from torch.utils.data import Dataset, IterableDataset, TensorDataset

    X = np.arange(6 * 20, dtype=np.uint8).reshape(6, 4, 5)
    Y = np.array([0, 1, 2, 0, 1, 2])

    class Shades(Dataset):
        classes = ["dark", "light"]
        def __init__(self, n=6): self.n = n
        def __len__(self): return self.n
        def __getitem__(self, i):
            if i >= self.n: raise IndexError
            return Image.new("L", (5, 4), 10 * i), i % 2

    class Odd(Shades):
        def __getitem__(self, i): return Image.new("L", (5 + i, 4)), 0

    class Random(Shades):
        def __getitem__(self, i): return torch.rand(4), 0.5

    class Unsure(Shades):
        asked = 0
        def __getitem__(self, i):
            self.asked += i == 3
            return X[i], self.asked if i == 3 else 0

    class Single(Shades):
        def __getitem__(self, i): return {"x": 1, "y": 2}

    class Broken(Shades):
        def __getitem__(self, i): raise OSError("no disk")

    class Stream(IterableDataset):
        def __iter__(self): return iter([])

    def later():
        (HERE / "asked").touch()
        return X[:2], Y[:2]
"""


def loaded(returned: str, folder: Path, arguments: str = "", wanted: Any = None) -> Dataset:
    """What a function gives that returns this."""
    text = f"from pathlib import Path\nHERE = Path({str(folder)!r})\n" + dedent(SETS)
    (folder / "mine.py").write_text(f"{text}\ndef load({arguments}):\n    {returned}\n")
    return own.load(f"{folder}/mine.py:load", folder, wanted)


@pytest.mark.parametrize(
    "returned",
    [
        "return X, Y, X[:2], Y[:2]",
        "return (X, Y), (X[:2], Y[:2])",
        "return [X, Y], [X[:2], Y[:2]]",
        "return dict(x_train=X, y_train=Y, x_test=X[:2], y_test=Y[:2])",
        "return torch.tensor(X), torch.tensor(Y), torch.tensor(X[:2]), torch.tensor(Y[:2])",
        "return X, Y.tolist(), X[:2], Y[:2].tolist()",
        "return (X, Y), lambda: (X[:2], Y[:2])",
        "return (X, Y), later",
        "return X, Y, lambda: X[:2], Y[:2]",
        "return X, Y, lambda: X[:2], lambda: Y[:2]",
        "return TensorDataset(torch.tensor(X), torch.tensor(Y)), (X[:2], Y[:2])",
        "S = [(x, y) for x, y in zip(X, Y)]\n"
        "    class D(Dataset):\n"
        "        def __init__(self, n): self.n = n\n"
        "        def __len__(self): return self.n\n"
        "        def __getitem__(self, i): return S[i]\n"
        "    return D(6), D(2)",
        "return [Image.fromarray(x) for x in X], Y, [Image.fromarray(x) for x in X[:2]], Y[:2]",
    ],
)
def test_every_form(returned: str, tmp_path: Path) -> None:
    made = loaded(returned, tmp_path)
    assert (made.name, made.classes, made.shape) == ("mine.py:load", 3, (1, 4, 5))
    assert made.train.x.dtype == torch.uint8
    assert made.train.x.flatten().tolist() == list(range(120))
    assert made.train.y.tolist() == [0, 1, 2, 0, 1, 2]
    made.check_test()
    test = made.read_test()
    assert test.x.flatten().tolist() == list(range(40))
    assert test.y.tolist() == [0, 1]


def test_a_function_for_the_test_part_is_called_when_it_is_read(tmp_path: Path) -> None:
    made = loaded("return (X, Y), later", tmp_path)
    made.check_test()
    assert not (tmp_path / "asked").exists()
    made.read_test()
    assert (tmp_path / "asked").exists()


def test_lists_are_a_table(tmp_path: Path) -> None:
    made = loaded("return [[1, 2], [3, 4], [5, 7]], ['a', 'b', 'a'], [[1, 0]], ['b']", tmp_path)
    assert (made.shape, made.class_names) == ((2, 1, 1), ("a", "b"))
    assert made.train.x.dtype == torch.float32
    assert made.train.x.flatten(1).tolist() == [[1, 2], [3, 4], [5, 7]]
    assert made.read_test().y.tolist() == [1]


def test_numbers_to_predict(tmp_path: Path) -> None:
    made = loaded("return X, Y / 3, X[:2], Y[:2]", tmp_path)
    assert (made.classes, made.train.y.dtype) == (0, torch.float32)
    made = loaded("return X, Y, X[:2], Y[:2]", tmp_path, wanted="numbers")
    assert (made.classes, made.read_test().y.tolist()) == (0, [0.0, 1.0])


def test_a_dataset_of_images_and_its_names(tmp_path: Path) -> None:
    made = loaded("return Shades(), Shades(2)", tmp_path)
    assert (made.classes, made.class_names) == (2, ("dark", "light"))
    assert made.train.x.shape == (6, 1, 4, 5)
    assert made.train.x[:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40, 50]
    made.check_test()
    assert made.read_test().y.tolist() == [0, 1]


def test_names_in_a_dict(tmp_path: Path) -> None:
    given = "x_train=X, y_train=Y, x_test=X, y_test=Y, class_names="
    made = loaded(f"return dict({given}['a', 'b', 'c'])", tmp_path)
    assert (made.class_names, made.notes) == (("a", "b", "c"), ())
    made = loaded(f"return dict({given}['a', 'b'])", tmp_path)
    assert made.class_names is None
    assert "class_names of mine.py:load are passed over" in made.notes[0]


def test_the_folder_of_data_is_given_to_who_asks_for_it(tmp_path: Path) -> None:
    text = "(data_dir / 'seen').touch(); return X, Y, X, Y"
    loaded(text, tmp_path, "data_dir, size=3, *more, **others")
    assert (tmp_path / "seen").exists()


def test_the_same_data_the_same_fingerprint(tmp_path: Path) -> None:
    first = loaded("return X, Y, X, Y", tmp_path).fingerprint
    assert loaded("return (X, Y), later", tmp_path).fingerprint == first
    assert loaded("return X + 1, Y, X, Y", tmp_path).fingerprint != first


def test_what_it_prints_and_where_it_goes_is_nobodys_matter(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = os.getcwd()
    loaded("import os; print('hello'); os.chdir('/'); return X, Y, X, Y", tmp_path)
    assert os.getcwd() == before
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "hello\n")


WRONG = r"return \(train, test\), each \(x, y\) or a map-style Dataset, or \(x_train, y_train, x_t"


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("return None", f"gives None: {WRONG}"),
        ("return X", "gives a ndarray: return"),
        ("return X, Y", r"gives 2 values in a tuple \(ndarray, ndarray\): return"),
        ("return X, Y, X", r"gives 3 values in a tuple \(ndarray, ndarray, ndarray\): return"),
        ("return Shades()", "gives a Shades: return"),
        ("return Stream(), Stream()", r"gives 2 values in a tuple \(Stream, Stream\): return"),
        ("return (X, Y), None", r"gives 2 values in a tuple \(tuple, NoneType\): return"),
        ("return dict(x_train=X, y_test=Y)", "gives a dict that lacks y_train, x_test: return one"),
        ("raise KeyError('price')", "mine.py:load raises KeyError: 'price': mend it"),
        ("import sys; sys.exit('enough')", "raises SystemExit: enough: mend it"),
        ("return Broken(), Broken()", "raises OSError: no disk: mend it"),
        ("return Odd(), Odd()", r"gives sample 1 with shape \(4, 6\) and type uint8, sample 0"),
        ("return Single(), Single()", "gives a dict as sample 0: give a pair"),
        ("return Shades(0), Shades()", "the train part of mine.py:load holds no samples"),
        ("return Random(), Random()", "another sample 0 when it is asked again: leave random"),
        ("return Unsure(), Unsure()", "another sample 3 when it is asked again: leave random"),
        (
            "return torch.rand(6, 4).to('meta'), Y, X, Y",
            "x_train of mine.py:load is a sparse or a m",
        ),
        ("return [[1, 2], [3]], [0, 1], [[1, 2]], [0]", "x_train of mine.py:load is no array"),
        ("return Shades(), Y, X, Y", "x_train of mine.py:load is a Shades: give an array"),
        ("return X, Y[:3], X, Y", "x_train of mine.py:load holds 6 samples, but y_train 3"),
        ("return X.astype(int), Y, X, Y", "x_train of mine.py:load has values of type int64"),
        ("return X * np.nan, Y, X, Y", "x_train of mine.py:load has values that are NaN"),
        ("return X[0, 0], Y, X, Y", r"x_train of mine.py:load has shape \(5,\)"),
        ("return X, Y * 0, X, Y", "the training part of mine.py:load holds 1 class"),
        ("return X, [None] * 6, X, Y", "y_train of mine.py:load lacks 6 of 6 targets"),
    ],
)
def test_refused_at_once(returned: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match=message) as raised:
        loaded(returned, tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("(X[:, :2], Y)", "images of shape"),
        ("(X / 2, Y)", "values of type"),
        ("(X, Y[:2])", "x_test of mine.py:load holds 6 samples, but y_test 2"),
        ("(X, Y + 1)", "labels 1 to 3, its training part 0 to 2"),
        ("(X, ['a'] * 6)", "y_test of mine.py:load has labels of type <U1"),
        ("(X[:0], Y[:0])", "has shape"),
        ("Shades(0)", "the test part of mine.py:load holds no samples"),
        ("TensorDataset(torch.rand(3, 4, 5), torch.zeros(3))", "values of type"),
    ],
)
def test_a_test_part_is_refused_by_a_check_or_when_read(
    test: str, message: str, tmp_path: Path
) -> None:
    made = loaded(f"return (X, Y), {test}", tmp_path)
    for ask in (made.check_test, made.read_test):
        with pytest.raises(VrtuneError, match=message):
            ask()


@pytest.mark.parametrize(
    ("later", "message"),
    [
        ("lambda: 1 / 0", "raises ZeroDivisionError: division by zero: mend it"),
        ("lambda: X", "the test part of mine.py:load is a ndarray: give"),
        ("lambda: (X[:, 1:], Y)", "images of shape"),
    ],
)
def test_a_test_part_that_comes_later_is_refused_then(
    later: str, message: str, tmp_path: Path
) -> None:
    made = loaded(f"return (X, Y), {later}", tmp_path)
    made.check_test()
    with pytest.raises(VrtuneError, match=message):
        made.read_test()


def test_what_is_no_function_or_asks_too_much(tmp_path: Path) -> None:
    with pytest.raises(VrtuneError, match="takes root, which vrtune doesn't know"):
        loaded("return X, Y, X, Y", tmp_path, "root")
    with pytest.raises(VrtuneError, match=r"mine.py:HERE is no function: it is .*Path"):
        own.load(f"{tmp_path}/mine.py:HERE", tmp_path)
    with pytest.raises(VrtuneError, match=r"there is no lod in .*, which --dataset"):
        own.load(f"{tmp_path}/mine.py:lod", tmp_path)
