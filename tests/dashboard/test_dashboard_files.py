"""Files of trials: those of their folder alone, and no browser runs what is in them."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bottle import HTTPResponse

from vrtune.dashboard.files import Files, sandboxed

ID = "0b1f2c3d-aaaa-bbbb-cccc-123456789abc"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """A folder with a file, reached through a link to the folder; a secret lies beside it."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / ID).write_text("curve")
    (tmp_path / "link").symlink_to("there")
    return Files(tmp_path / "link")


def test_a_file_is_handed_out(files: Files) -> None:
    with files.open_reader(ID) as file:
        assert file.read() == b"curve"


@pytest.mark.parametrize(
    "name", ["", "..", "../secret", f"../there/{ID}", "/etc/passwd", "a\0b", "0-0", f"{ID}/", "."]
)
def test_no_name_leads_out(files: Files, name: str) -> None:
    with pytest.raises(HTTPResponse) as refused:
        files.open_reader(name)
    assert refused.value.status_code == 404


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("../secret"),
        lambda path: path.symlink_to(ID),  # even where it leads to another file of the folder
        lambda path: path.mkdir(),
        os.mkfifo,  # would wait for ever
    ],
)
def test_only_files_themselves(files: Files, make: Callable[[Path], object]) -> None:
    make(files.folder / "abc")
    with pytest.raises(HTTPResponse) as refused:
        files.open_reader("abc")
    assert refused.value.body == "The file is not there any more.\n"


def test_where_there_is_no_folder_yet(tmp_path: Path) -> None:
    files = Files(tmp_path / "none" / "yet")
    with pytest.raises(HTTPResponse):
        files.open_reader(ID)
    files.remove(ID)
    assert not list(tmp_path.iterdir())
    files.write(ID, io.BytesIO(b"more"))
    with files.open_reader(ID) as file:
        assert file.read() == b"more"
    files.remove(ID)
    assert not list(files.folder.iterdir())


@pytest.mark.parametrize("path", [f"/artifacts/1/2/{ID}", f"/artifacts/1/{ID}"])
def test_what_is_in_them_is_run_nowhere(path: str) -> None:
    given = [
        ("Content-Type", "text/html"),
        ("access-control-allow-Origin", "*"),
        ("Content-Security-Policy", "default-src *"),
    ]

    def app(_: object, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", given)
        return []

    answers: list[list[tuple[str, str]]] = []
    sandboxed(app)({"PATH_INFO": path}, lambda _, headers: answers.append(headers))  # type: ignore[arg-type, return-value]
    (headers,) = answers
    assert len(headers) == len(dict(headers)) == 4
    assert dict(headers)["Content-Type"] == "text/html"
    assert dict(headers)["Content-Security-Policy"].split("; ")[0] == "sandbox"
    assert dict(headers)["X-Content-Type-Options"] == "nosniff"
    assert dict(headers)["Cross-Origin-Resource-Policy"] == "same-origin"
    sandboxed(app)({"PATH_INFO": "/dashboard"}, lambda _, headers: answers.append(headers))  # type: ignore[arg-type, return-value]
    assert answers[1] == given
