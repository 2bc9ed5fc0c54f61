"""Names and paths that no folder takes, or no study keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrtune.given.names import NAME_BYTES, SHORT_BYTES, folder_name, name_fault, path_fault

GOOD = [
    "a",
    "sgd-digits-softmax",
    "a b",
    "naïve ☃ 研究",
    "-x",
    "~",
    ".hidden",
    "trial-0",
    "é" * 127,
]
BAD = [
    ("", "without /"),
    ("  ", "without /"),
    (".", "without /"),
    ("..", "without /"),
    ("a/b", "without /"),
    ("..\\b", "without /"),
    ("a\0b", "can be printed"),
    ("a\nb", "can be printed"),
    ("\x1b[31mred", "can be printed"),
    ("a\u2028b", "can be printed"),
    ("half \ud800", "can be printed"),
    ("caf\udce9", "can be printed"),
    ("n" * 256, "at most 255 bytes"),
    ("é" * 128, "at most 255 bytes"),
]


@pytest.mark.parametrize("name", GOOD)
def test_a_name_that_a_folder_takes(name: str, tmp_path: Path) -> None:
    assert name_fault(name) is None
    (tmp_path / name).mkdir()


@pytest.mark.parametrize(("name", "said"), BAD, ids=lambda value: ascii(value)[:20])
def test_a_name_that_no_folder_takes(name: str, said: str) -> None:
    assert said in str(name_fault(name))


@pytest.mark.parametrize("name", GOOD[:-1])
def test_a_study_names_its_folder(name: str) -> None:
    assert folder_name(name) == name


@pytest.mark.parametrize(
    "name", ["../../etc", "/etc/passwd", "..", "", "a\0b", "\x1b[31m", "n" * 5000, "\udce9", "a/b"]
)
def test_a_foreign_name_leads_nowhere_else(name: str, tmp_path: Path) -> None:
    folder = tmp_path / f"{folder_name(name)}-trial-99999-variance.html"
    assert folder.resolve().parent == tmp_path
    folder.mkdir()
    assert folder_name(name) == folder_name(name)


def test_foreign_names_stay_apart() -> None:
    names = ["a/b", "a\\b", "a\nb", "a_b", *("n" * 300 + str(end) for end in range(3))]
    assert len({folder_name(name) for name in names}) == len(names)


@given(st.text(st.characters(), max_size=300))
def test_every_name_has_a_folder(name: str) -> None:
    folder = folder_name(name)
    assert name_fault(folder) is None
    assert len(folder.encode()) <= SHORT_BYTES


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("caf\udce9.npz", "in UTF-8"),
        ("a\0b", "NUL"),
        (f"/data/{'n' * (NAME_BYTES + 1)}/x", "shorter"),
        ("/n" * 3000, "shorter"),
    ],
)
def test_a_path_that_no_study_keeps(path: str, said: str) -> None:
    assert said in str(path_fault(path))


@pytest.mark.parametrize("path", ["", "/", "~/x", "a\nb", "C:\\data", "../é/☃", "n" * NAME_BYTES])
def test_a_path_that_a_study_keeps(path: str) -> None:
    assert path_fault(path) is None
