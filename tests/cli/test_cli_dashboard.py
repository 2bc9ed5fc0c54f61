"""The dashboard answers this machine, and no page of another web site."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from wsgiref.simple_server import make_server

import pytest

from vrtune.cli.dashboard import HERE, Quiet, Server, _application, guarded

Complain = Callable[..., str]
STUDY = "sgd-digits-softmax"


def ask(guard: str, host: str, method: str = "GET", origin: str | None = None) -> str:
    """The status of one request to an application behind the guard."""
    statuses: list[str] = []
    environ = {"REQUEST_METHOD": method, "HTTP_HOST": host}
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}

    def app(_: object, start: Callable[..., object]) -> list[bytes]:
        start(guard, [])
        return [b""]

    guarded(app)(environ, lambda status, headers: statuses.append(status))  # type: ignore[arg-type]
    return statuses[0]


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("127.0.0.1:8080", True),
        ("localhost:8080", True),
        ("LOCALHOST", True),
        ("[::1]:8080", True),
        ("[::1]", True),
        ("127.0.0.1:9000", True),  # forwarded to another port
        ("evil.example:8080", False),
        ("127.0.0.1.evil.example:8080", False),
        ("localhost.evil.example", False),
        ("localhost:8080@evil.example", False),
        ("evil.example:localhost", False),
        ("0.0.0.0:8080", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine(host: str, allowed: bool) -> None:
    for method in ("GET", "POST", "DELETE"):
        assert ask("200 OK", host, method) == ("200 OK" if allowed else "403 Forbidden")


@pytest.mark.parametrize(
    ("method", "origin", "allowed"),
    [
        ("GET", "http://evil.example", True),  # without a CORS header, its page can't read this
        ("PUT", "http://localhost:8080", True),
        ("PUT", None, True),
        ("PUT", "http://evil.example", False),
        ("POST", "http://localhost:3000", False),
        ("DELETE", "https://localhost:8080", False),
        ("POST", "null", False),
        ("OPTIONS", "http://evil.example", False),
    ],
)
def test_only_its_own_pages_change_anything(method: str, origin: str | None, allowed: bool) -> None:
    status = ask("200 OK", "localhost:8080", method, origin)
    assert status == ("200 OK" if allowed else "403 Forbidden")


def test_it_serves_the_studies(studies: Path) -> None:
    app = guarded(_application("sqlite:///studies.db"))
    with make_server(HERE, 0, app, server_class=Server, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            url = f"http://{HERE}:{server.server_port}/api/studies"
            with urlopen(url) as answer:
                told = json.load(answer)
            assert [s["study_name"] for s in told["study_summaries"]] == [STUDY]
            number = told["study_summaries"][0]["study_id"]
            note = Request(
                f"{url}/{number}/note",
                data=json.dumps({"body": "noted", "version": 1}).encode(),
                headers={"Content-Type": "application/json"},
                method="PUT",
            )
            with urlopen(note) as answer:
                assert answer.status == 204
            with pytest.raises(HTTPError, match="403"):
                urlopen(Request(url, headers={"Host": "evil.example"}))
        finally:
            server.shutdown()
            thread.join()


def test_a_port_in_use_ends_with_1(studies: Path, complain: Complain) -> None:
    with socket.create_server((HERE, 0)) as taken:
        port = str(taken.getsockname()[1])
        said = complain("dashboard", "--port", port, status=1)
    assert said == f"port {port} can't be used (Address already in use): give another with --port"
