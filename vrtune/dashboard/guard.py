"""Who is let in to the dashboard, and what they may ask for: it asks nobody itself."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HERE = "127.0.0.1"
HOSTS = (HERE, "localhost", "[::1]")
READING = ("GET", "HEAD")
NO_REFERRER = ("Referrer-Policy", "no-referrer")  # the address holds the token
NO_SNIFFING = ("X-Content-Type-Options", "nosniff")
# A page, as a cookie for this site alone is not sent where another site's link is redirected.
WELCOME = (
    b"<!doctype html><meta http-equiv=refresh content='0;url=/dashboard'><title>vrtune</title>\n"
)
FOREIGN = "The dashboard answers its own pages only."
UNKNOWN = "Open the address that vrtune dashboard has printed."
ONLY_READ = "This dashboard only shows studies: start it with vrtune dashboard --writable."


def guarded(
    app: WSGIApplication, token: str, names: Iterable[str] = HOSTS, *, writable: bool = False
) -> WSGIApplication:
    """Refuses requests without the token, those that other web sites send, and those that change
    anything unless it is `writable`.

    The address with the token gives the browser a cookie. A foreign Host is a name that was made
    to point here (empty `names`: any will do); a foreign Origin is a page elsewhere that wants to
    change something. Any port is fine, so that one can be forwarded.
    """
    proof = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower()
        origin = environ.get("HTTP_ORIGIN", f"http://{host}").lower()
        changes = environ["REQUEST_METHOD"] not in READING
        foreign = names and _name(host) not in names
        if foreign or not host or (changes and origin != f"http://{host}"):
            return _refuse(environ, start_response, FOREIGN)
        cookie = f"vrtune-{environ.get('SERVER_PORT', '')}"
        given = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        granted = given and _same(hashlib.sha256(given.encode(errors="replace")).hexdigest(), proof)
        if not granted and not _same(_cookies(environ).get(cookie, ""), proof):
            return _refuse(environ, start_response, UNKNOWN)
        if changes and not writable:
            return _refuse(environ, start_response, ONLY_READ, "405 Method Not Allowed")
        if not granted:
            return app(environ, adding(start_response, NO_SNIFFING))
        grant = ("Set-Cookie", f"{cookie}={proof}; Path=/; HttpOnly; SameSite=Strict")
        if environ.get("PATH_INFO", "/") in ("", "/"):
            start_response("200 OK", [("Content-Type", "text/html"), NO_REFERRER, grant])
            return [WELCOME]
        return app(environ, adding(start_response, NO_SNIFFING, NO_REFERRER, grant))

    return answer


def adding(start_response: StartResponse, *more: tuple[str, str]) -> StartResponse:
    """A start of a response that has more headers, in place of any of the same names."""
    replaced = {name.lower() for name, _ in more}

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        kept = [(name, value) for name, value in headers if name.lower() not in replaced]
        return start_response(status, [*kept, *more], *error)

    return start


def answered(
    start_response: StartResponse, status: str, why: str, *more: tuple[str, str]
) -> Iterable[bytes]:
    """A sentence, in the form in which the dashboard's own programs show it."""
    start_response(status, [("Content-Type", "application/json"), NO_SNIFFING, *more])
    return [json.dumps({"reason": why}).encode() + b"\n"]


def _refuse(
    environ: WSGIEnvironment, start_response: StartResponse, why: str, status: str = "403 Forbidden"
) -> Iterable[bytes]:
    """A sentence, to the dashboard's own programs and to people."""
    more = [("Allow", ", ".join(READING))] if status.startswith("405") else []
    if environ.get("PATH_INFO", "").startswith("/api/"):
        return answered(start_response, status, why, *more)
    start_response(status, [("Content-Type", "text/plain"), NO_SNIFFING, *more])
    return [f"{why}\n".encode()]


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(errors="replace"), wanted.encode())


def _cookies(environ: WSGIEnvironment) -> dict[str, str]:
    parts = (part.partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host
