"""vrtune dashboard: serves optuna-dashboard to whoever has its token."""

from __future__ import annotations

import hashlib
import ipaddress
import secrets
import socket
from collections.abc import Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs, quote
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Storage
from vrtune.errors import UsageError, VrtuneError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HERE = "127.0.0.1"
HOSTS = (HERE, "localhost", "[::1]")
NO_REFERRER = ("Referrer-Policy", "no-referrer")  # the address holds the token
# A page, as a cookie for this site alone is not sent where another site's link is redirected.
WELCOME = (
    b"<!doctype html><meta http-equiv=refresh content='0;url=/dashboard'><title>vrtune</title>\n"
)


def dashboard(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the dashboard; 0: any free one.")
    ] = 8080,
    host: Annotated[
        str, typer.Option(metavar="NAME", help="Address to serve at; another needs a --token.")
    ] = HERE,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            envvar="VRTUNE_TOKEN",
            help="What the address must hold.",
            show_default="a new one each time",
        ),
    ] = None,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Show all studies in a browser, with curves, parameters and notes.

    Whoever has the address that is printed may change and delete studies, and nobody else.
    """
    from vrtune.storages.quiet import quiet

    if token is not None and not token.strip():
        raise UsageError("--token is empty: give one that nobody guesses, or leave it out")
    here = _is_here(host)
    if token is None and not here:
        raise UsageError(
            f"{host or 'every address'} is open to other machines, and the dashboard deletes "
            "studies: give a --token that nobody guesses, or forward the port "
            f"(ssh -L {port}:{HERE}:{port} MACHINE)"
        )
    token = token or secrets.token_urlsafe()
    with faults(storage):
        app = guarded(_application(storage), token, names=HOSTS if here else ())
    kind = Server6 if ":" in host else Server
    try:
        server = make_server(host, port, app, server_class=kind, handler_class=Quiet)
    except (OSError, UnicodeError) as error:
        what = f"port {port}" if here else f"port {port} of {host}"
        raise VrtuneError(
            f"{what} can't be used ({getattr(error, 'strerror', None) or error}): give another "
            "with --port" + " or --host" * (not here)
        ) from None
    name = f"[{host}]" if ":" in host else host
    typer.echo(
        f"http://{name}:{server.server_port}/?token={quote(token, safe='')} (Ctrl-C ends it)"
    )
    with server, quiet(), suppress(KeyboardInterrupt):
        server.serve_forever()


def guarded(app: WSGIApplication, token: str, names: Iterable[str] = HOSTS) -> WSGIApplication:
    """Refuses requests without the token, and those that other web sites send: the dashboard
    itself asks nobody who they are.

    The address with the token gives the browser a cookie. A foreign Host is a name that was made
    to point here (empty `names`: any will do); a foreign Origin is a page elsewhere that wants to
    change something. Any port is fine, so that one can be forwarded.
    """
    proof = hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower()
        origin = environ.get("HTTP_ORIGIN", f"http://{host}").lower()
        changes = environ["REQUEST_METHOD"] not in ("GET", "HEAD")
        foreign = names and _name(host) not in names
        if foreign or not host or (changes and origin != f"http://{host}"):
            return refuse(start_response, b"The dashboard answers its own pages only.\n")
        cookie = f"vrtune-{environ.get('SERVER_PORT', '')}"
        given = parse_qs(environ.get("QUERY_STRING", "")).get("token", [""])[0]
        if given and _same(hashlib.sha256(given.encode(errors="replace")).hexdigest(), proof):
            grant = ("Set-Cookie", f"{cookie}={proof}; Path=/; HttpOnly; SameSite=Strict")
            if environ.get("PATH_INFO", "/") in ("", "/"):
                start_response("200 OK", [("Content-Type", "text/html"), NO_REFERRER, grant])
                return [WELCOME]
            return app(environ, _adding(grant, start_response))
        if not _same(_cookies(environ).get(cookie, ""), proof):
            return refuse(start_response, b"Open the address that vrtune dashboard has printed.\n")
        return app(environ, start_response)

    def refuse(start_response: StartResponse, why: bytes) -> Iterable[bytes]:
        start_response("403 Forbidden", [("Content-Type", "text/plain")])
        return [why]

    return answer


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


class Server6(Server):
    """The same at an address of IPv6."""

    address_family = socket.AF_INET6


class Quiet(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _is_here(host: str) -> bool:
    """Whether no other machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(errors="replace"), wanted.encode())


def _cookies(environ: WSGIEnvironment) -> dict[str, str]:
    parts = (part.partition("=") for part in environ.get("HTTP_COOKIE", "").split(";"))
    return {name.strip(): value.strip() for name, _, value in parts}


def _adding(header: tuple[str, str], start_response: StartResponse) -> StartResponse:
    """A start of a response that has one more header."""

    def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        return start_response(status, [*headers, header, NO_REFERRER], *error)

    return start


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _application(url: str) -> WSGIApplication:
    """optuna-dashboard on a storage that exists. UsageError or VrtuneError if it does not."""
    from optuna_dashboard import wsgi

    from vrtune.storages.opening import open_for_dashboard

    app: WSGIApplication = wsgi(open_for_dashboard(url))
    return app
