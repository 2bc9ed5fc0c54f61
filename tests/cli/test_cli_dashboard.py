"""The dashboard answers those who have its token, and no page of another web site."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, Request, build_opener
from wsgiref.simple_server import make_server

import pytest
from typer.testing import CliRunner

from vrtune.cli.dashboard import HERE, Quiet, Server, _application, guarded
from vrtune.cli.main import app

Complain = Callable[..., str]
STUDY = "sgd-digits-softmax"
TOKEN = "a b+c/d&e=é"  # must be written otherwise in an address


def ask(
    host: str = "localhost:8080",
    method: str = "GET",
    origin: str | None = None,
    *,
    query: str = "",
    cookie: str | None = "",
    path: str = "/api/studies",
    names: tuple[str, ...] | None = None,
) -> tuple[str, dict[str, str]]:
    """Status and headers of one request to an application behind the guard; with the right cookie
    unless another is given."""
    answers: list[tuple[str, dict[str, str]]] = []
    proof = f"vrtune-8080={hashlib.sha256(TOKEN.encode()).hexdigest()}"
    environ = {
        "REQUEST_METHOD": method,
        "HTTP_HOST": host,
        "SERVER_PORT": "8080",
        "QUERY_STRING": query,
        "PATH_INFO": path,
    }
    environ |= {} if origin is None else {"HTTP_ORIGIN": origin}
    environ |= {} if cookie is None else {"HTTP_COOKIE": cookie or f"theme=dark; {proof}"}

    def app(_: object, start: Callable[..., object]) -> list[bytes]:
        start("200 OK", [])
        return [b"studies"]

    guard = guarded(app, TOKEN) if names is None else guarded(app, TOKEN, names)
    body = guard(environ, lambda status, headers: answers.append((status, dict(headers))))  # type: ignore[arg-type]
    assert len(b"".join(body).splitlines()) == 1
    return answers[0]


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
        assert ask(host, method)[0] == ("200 OK" if allowed else "403 Forbidden")


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
    status, _ = ask(method=method, origin=origin)
    assert status == ("200 OK" if allowed else "403 Forbidden")


@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "vrtune-8080=",
        "vrtune-8080=x",
        f"vrtune-8080={quote(TOKEN)}",
        ";;=;",
        "é",
        "vrtune-80=x",
    ],
)
@pytest.mark.parametrize(
    "query", ["", "token=", "token=x", "token=x&token=" + quote(TOKEN), "token"]
)
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_nobody_else_gets_in(cookie: str | None, query: str, method: str) -> None:
    """Such as another user of this machine."""
    status, headers = ask(method=method, query=query, cookie=cookie)
    assert status == "403 Forbidden"
    assert "Set-Cookie" not in headers


def test_the_address_gives_a_cookie() -> None:
    status, headers = ask(query=f"token={quote(TOKEN, safe='')}", cookie=None, path="/")
    assert status == "200 OK"
    cookie, *rules = headers["Set-Cookie"].split("; ")
    assert rules == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert TOKEN not in cookie
    assert ask(cookie=cookie, method="DELETE")[0] == "200 OK"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_token_will_do_for_a_program() -> None:
    token = f"token={quote(TOKEN, safe='')}"
    assert ask(query=token, cookie=None, method="DELETE")[0] == "200 OK"
    assert ask("evil.example", query=token, cookie=None)[0] == "403 Forbidden"
    assert ask(query=token, cookie=None, method="PUT", origin="http://x")[0] == "403 Forbidden"


def test_another_machine_may_call_it_what_it_likes() -> None:
    assert ask("lab7.example:8080", names=())[0] == "200 OK"
    assert ask("lab7.example:8080", names=(), cookie=None)[0] == "403 Forbidden"
    assert ask("", names=())[0] == "403 Forbidden"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "lab7", "", "127.0.0.1.example"])
def test_other_machines_need_a_token(
    host: str, complain: Complain, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VRTUNE_TOKEN", raising=False)
    said = complain("dashboard", "--host", host, status=2)
    assert "open to other machines, and the dashboard deletes studies: give a --token" in said
    assert "there is no studies.db" in complain(
        "dashboard", "--host", host, "--token", "guess", status=2
    )
    assert "--token is empty" in complain("dashboard", "--token", " ", status=2)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
@pytest.mark.usefixtures("empty")
def test_this_machine_needs_none(host: str, complain: Complain) -> None:
    assert "there is no studies.db here" in complain("dashboard", "--host", host, status=2)


@pytest.mark.usefixtures("studies")
def test_the_address_holds_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Server, "serve_forever", lambda self: None)
    for given, environment in ((["--token", TOKEN], {}), ([], {"VRTUNE_TOKEN": TOKEN})):
        done = CliRunner().invoke(
            app, ["dashboard", "--port", "0", *given], prog_name="vrtune", env=environment
        )
        address, said = done.stdout.split(" ", 1)
        assert re.match(r"http://127.0.0.1:\d+/\?token=", address)
        assert address.endswith(quote(TOKEN, safe=""))
        assert said == "(Ctrl-C ends it)\n"
    alone = [CliRunner().invoke(app, ["dashboard", "--port", "0"]).stdout for _ in range(2)]
    tokens = [re.search(r"token=([\w-]{40,}) ", said)[1] for said in alone]  # type: ignore[index]
    assert len(set(tokens)) == 2


def test_it_serves_the_studies(studies: Path) -> None:
    served = guarded(_application("sqlite:///studies.db"), TOKEN)
    with make_server(HERE, 0, served, server_class=Server, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            top = f"http://{HERE}:{server.server_port}"
            url = f"{top}/api/studies"
            browser = build_opener(HTTPCookieProcessor())
            urlopen = browser.open
            with pytest.raises(HTTPError, match="403"):
                urlopen(url)
            with urlopen(f"{top}/?token={quote(TOKEN, safe='')}") as answer:
                assert b"url=/dashboard" in answer.read()
            with urlopen(f"{top}/dashboard") as answer:
                assert b"<html" in answer.read()
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
