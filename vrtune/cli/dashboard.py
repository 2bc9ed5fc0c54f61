"""vrtune dashboard: serves optuna-dashboard to this machine only."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Annotated, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import typer

from vrtune.cli.faults import faults
from vrtune.cli.options import DEFAULT_STORAGE, Storage
from vrtune.errors import VrtuneError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

HERE = "127.0.0.1"
HOSTS = (HERE, "localhost", "[::1]")


def dashboard(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0: any free one.")
    ] = 8080,
    storage: Storage = DEFAULT_STORAGE,
) -> None:
    """Show all studies in a browser, with curves, parameters and notes."""
    from vrtune.studies.quiet import quiet

    with faults(storage):
        app = guarded(_application(storage))
    try:
        server = make_server(HERE, port, app, server_class=Server, handler_class=Quiet)
    except OSError as error:
        raise VrtuneError(
            f"port {port} can't be used ({error.strerror}): give another with --port"
        ) from None
    typer.echo(f"http://{HERE}:{server.server_port}/ (Ctrl-C ends it)")
    with server, quiet(), suppress(KeyboardInterrupt):
        server.serve_forever()


def guarded(app: WSGIApplication) -> WSGIApplication:
    """Refuses requests that other web sites send: the dashboard itself asks nobody who they are.

    A foreign Host is a name that was made to point here; a foreign Origin is a page elsewhere
    that wants to change something. Any port is fine, so that one can be forwarded.
    """

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        host = environ.get("HTTP_HOST", "").lower()
        origin = environ.get("HTTP_ORIGIN", f"http://{host}").lower()
        changes = environ["REQUEST_METHOD"] not in ("GET", "HEAD")
        if _name(host) not in HOSTS or (changes and origin != f"http://{host}"):
            start_response("403 Forbidden", [("Content-Type", "text/plain")])
            return [b"The dashboard answers this machine only.\n"]
        return app(environ, start_response)

    return answer


class Server(ThreadingMixIn, WSGIServer):
    """A thread a request."""

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """No line a request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _name(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() else host


def _application(url: str) -> WSGIApplication:
    """optuna-dashboard on a storage that exists. UsageError or VrtuneError if it does not."""
    from optuna_dashboard import wsgi

    from vrtune.studies.storage import open_for_dashboard

    app: WSGIApplication = wsgi(open_for_dashboard(url))
    return app
