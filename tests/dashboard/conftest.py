"""A way to ask the dashboard's application without a server, and studies for it."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vrtune.searching.result import SearchResult


@dataclass
class Answer:
    """What came back."""

    status: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Ask = Callable[..., Answer]


@pytest.fixture
def ask() -> Ask:
    """Sends one request to an application."""

    def request(
        app: Callable[..., Any],
        path: str,
        method: str = "GET",
        *,
        query: str = "",
        given: Any = None,
        **headers: str,
    ) -> Answer:
        answers: list[tuple[str, dict[str, str]]] = []
        body = b"" if given is None else json.dumps(given).encode()
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "8080",
            "HTTP_HOST": "localhost:8080",
            "HTTP_ACCEPT_ENCODING": "gzip",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            **{f"HTTP_{name.upper()}": value for name, value in headers.items()},
        }
        parts = app(environ, lambda status, headers, *_: answers.append((status, dict(headers))))
        try:
            content = b"".join(parts)
        finally:
            getattr(parts, "close", lambda: None)()
        return Answer(*answers[0], content)

    return request


@pytest.fixture
def searched(found: tuple[SearchResult, str], tmp_path: Path) -> str:
    """A copy of a finished search that may be changed."""
    source = Path(found[1].removeprefix("sqlite:///")).parent
    shutil.copytree(source, tmp_path, dirs_exist_ok=True)
    return f"sqlite:///{tmp_path}/studies.db"
