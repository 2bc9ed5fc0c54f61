"""Who is let in: those who have the token, and no page of another web site; who changes nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from urllib.parse import quote

import pytest

from vrtune.dashboard.guard import guarded

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
    writable: bool = True,
) -> tuple[str, dict[str, str], str]:
    """Status, headers and line of one request to an application behind the guard; with the right
    cookie unless another is given."""
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

    named = {} if names is None else {"names": names}
    guard = guarded(app, TOKEN, writable=writable, **named)
    body = guard(environ, lambda status, headers: answers.append((status, dict(headers))))  # type: ignore[arg-type]
    (line,) = b"".join(body).splitlines()
    return *answers[0], line.decode()


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
    status = ask(method=method, origin=origin)[0]
    assert status == ("200 OK" if allowed else "403 Forbidden")


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "MKCOL", ""]
)
@pytest.mark.parametrize("path", ["/api/studies/1", "/incompatible-rdb-schema"])
def test_nothing_is_changed_unless_it_is_wished(method: str, path: str) -> None:
    """To the dashboard's own programs it is said as they read it."""
    status, headers, said = ask(method=method, path=path, writable=False)
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD"
    if path.startswith("/api/"):
        assert headers["Content-Type"] == "application/json"
        said = json.loads(said)["reason"]
    assert said == "This dashboard only shows studies: start it with vrtune dashboard --writable."
    assert ask(method=method, path=path, writable=False, cookie=None)[0] == "403 Forbidden"
    assert ask(method=method, path=path, writable=True)[0] == "200 OK"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("writable", [True, False])
def test_reading_is_let_through(method: str, writable: bool) -> None:
    status, headers, said = ask(method=method, writable=writable)
    assert (status, said) == ("200 OK", "studies")
    assert headers["X-Content-Type-Options"] == "nosniff"


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
@pytest.mark.parametrize("writable", [True, False])
def test_nobody_else_gets_in(cookie: str | None, query: str, method: str, writable: bool) -> None:
    """Such as another user of this machine."""
    status, headers, said = ask(method=method, query=query, cookie=cookie, writable=writable)
    assert status == "403 Forbidden"
    assert "Set-Cookie" not in headers
    assert json.loads(said)["reason"].startswith("Open the address that vrtune dashboard has")


def test_the_address_gives_a_cookie() -> None:
    status, headers, _ = ask(query=f"token={quote(TOKEN, safe='')}", cookie=None, path="/")
    assert status == "200 OK"
    cookie, *rules = headers["Set-Cookie"].split("; ")
    assert rules == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert TOKEN not in cookie
    assert ask(cookie=cookie, method="DELETE")[0] == "200 OK"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_the_token_will_do_for_a_program() -> None:
    token = f"token={quote(TOKEN, safe='')}"
    assert ask(query=token, cookie=None, method="DELETE")[0] == "200 OK"
    assert ask(query=token, cookie=None, method="DELETE", writable=False)[0][:3] == "405"
    assert ask("evil.example", query=token, cookie=None)[0] == "403 Forbidden"
    assert ask(query=token, cookie=None, method="PUT", origin="http://x")[0] == "403 Forbidden"


def test_another_machine_may_call_it_what_it_likes() -> None:
    assert ask("lab7.example:8080", names=())[0] == "200 OK"
    assert ask("lab7.example:8080", names=(), cookie=None)[0] == "403 Forbidden"
    assert ask("", names=())[0] == "403 Forbidden"
