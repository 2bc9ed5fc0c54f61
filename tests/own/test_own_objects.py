"""Objects named by file or module."""

from __future__ import annotations

from pathlib import Path

import pytest

from vrtune.errors import UsageError
from vrtune.own.objects import absolute, find, is_object, short


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("net.py:Net", True),
        ("./a b/net.py:Net", True),
        ("/x/y.z/net.py:make_2", True),
        ("package.module:Net", True),
        ("module:net", True),
        ("lenet", False),
        ("net.py", False),
        ("net.py:", False),
        (":Net", False),
        ("net.py:2", False),
        ("a-b:c", False),
        ("data/train:x y", False),
    ],
)
def test_what_names_an_object(text: str, answer: bool) -> None:
    assert is_object(text) is answer


def test_a_study_keeps_the_full_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert absolute("./net.py:Net") == f"{tmp_path}/net.py:Net"
    assert absolute("package.module:Net") == "package.module:Net"
    assert absolute("lenet") == "lenet"


def test_short_names() -> None:
    assert short("/a/net.py:Net") == "Net"
    assert short("/a/table.csv") == "table"
    assert short("lenet") == "lenet"


def test_the_digest_is_of_what_the_sources_mean(tmp_path: Path) -> None:
    file, beside = tmp_path / "net.py", tmp_path / "layers.py"
    file.write_text("from layers import width\ndef make():\n    return width\n")
    beside.write_text("width = 3\n")
    first = find(f"{file}:make", "model")
    assert (first.name, first.value()) == ("make", 3)
    file.write_text("# a comment\nfrom layers import width\ndef make():\n    return width\n")
    assert find(f"{file}:make", "model").digest == first.digest
    beside.write_text("width = 4\n")
    again = find(f"{file}:make", "model")
    assert again.value() == 4
    assert again.digest != first.digest


def test_of_a_module() -> None:
    assert find("fractions:Fraction", "model").value(1, 2) == 0.5


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("fractions:Nothing", "there is no Nothing in fractions"),
        ("fractions:fraction", "asks for: did you mean Fraction[?]"),
        ("no_such_module_here:f", "can't be imported"),
        ("gone.py:f", "gone.py can't be read"),
        ("lenet", "'lenet' is none: give FILE.py:NAME"),
    ],
)
def test_what_is_not_there(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        find(text, "model")


def test_a_module_that_only_lies_in_this_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nets_here").mkdir()
    (tmp_path / "nets_here" / "small.py").write_text("Net = 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"give \./nets_here/small\.py:NAME"):
        find("nets_here.small:Net", "model")
