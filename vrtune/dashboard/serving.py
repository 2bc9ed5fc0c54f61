"""The web server of the dashboard."""

from __future__ import annotations

import ipaddress
import socket
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from vrtune.errors import VrtuneError

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


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


def is_here(host: str) -> bool:
    """Whether no other machine reaches an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def server(app: WSGIApplication, host: str, port: int) -> WSGIServer:
    """A server at an address, which begins with `serve_forever`. VrtuneError if it can't be had."""
    kind = Server6 if ":" in host else Server
    try:
        return make_server(host, port, app, server_class=kind, handler_class=Quiet)
    except (OSError, UnicodeError) as error:
        here = is_here(host)
        what = f"port {port}" if here else f"port {port} of {host}"
        raise VrtuneError(
            f"{what} can't be used ({getattr(error, 'strerror', None) or error}): give another "
            "with --port" + " or --host" * (not here)
        ) from None
