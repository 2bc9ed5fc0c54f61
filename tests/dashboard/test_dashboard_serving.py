"""The server: where it listens, and what it says when it can't."""

from __future__ import annotations

import socket

import pytest

from vrtune.dashboard.serving import Server6, is_here, server
from vrtune.errors import VrtuneError


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("LocalHost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("192.168.1.7", False),
        ("lab7", False),
        ("127.0.0.1.example", False),
    ],
)
def test_which_addresses_no_other_machine_reaches(host: str, here: bool) -> None:
    assert is_here(host) is here


def test_an_address_of_each_kind() -> None:
    with server(lambda *_: [], "127.0.0.1", 0) as served:
        assert served.server_port
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 here")
    with server(lambda *_: [], "::1", 0) as served:
        assert isinstance(served, Server6)


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(VrtuneError, match=f"^port {port} can't be used .*another with --port$"):
            server(lambda *_: [], "127.0.0.1", port)


def test_an_address_that_is_another_machines() -> None:
    with pytest.raises(VrtuneError, match=r"port 0 of 192\.0\.2\.1 can't be used .* or --host$"):
        server(lambda *_: [], "192.0.2.1", 0)
