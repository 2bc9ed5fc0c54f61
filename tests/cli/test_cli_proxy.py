"""vrtune proxy: what it serves, and what it refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.storages.urls import understand


@pytest.mark.parametrize("storage", ["studies.db", "s.journal", "grpc://host:13000"])
def test_only_a_database_server_is_served(storage: str, tmp_path: Path) -> None:
    pytest.importorskip("grpc")
    from vrtune.storages.proxy import proxy

    given = storage if "://" in storage else str(tmp_path / storage)
    refused = pytest.raises(UsageError, match="can't be served by a proxy: give a database")
    with refused, proxy(given, "127.0.0.1", 0):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("given", ["grpc://host", "grpc://me:word@host:1", "grpc://host:99999"])
def test_a_proxy_has_a_name_and_a_port(given: str) -> None:
    with pytest.raises(UsageError, match="no proxy's URL: give one like grpc://host:13000"):
        understand(given)
    assert understand("grpc://[::1]:13000").host == "[::1]"


def test_nobody_answers() -> None:
    pytest.importorskip("grpc")
    for call in (open_storage, open_to_read):
        with pytest.raises(VrtuneError, match=r"^grpc://127.0.0.1:9 does not answer \(.*start"):
            call("grpc://127.0.0.1:9")


def test_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("vrtune.storages.proxied", "vrtune.storages.proxy"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "grpc", None)
    with pytest.raises(VrtuneError, match=r"not installed \(grpc\): pip install 'vrtune\[grpc\]'"):
        open_storage("grpc://host:13000")
    said = CliRunner().invoke(app, ["proxy", "--storage", "postgresql://h/d"], prog_name="vrtune")
    assert "pip install 'vrtune[grpc]'" in said.output
    assert said.exit_code == 1
