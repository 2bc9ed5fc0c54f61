"""The dashboard's command: whom it asks for a token, what it prints, what it serves."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import HTTPCookieProcessor, Request, build_opener
from wsgiref.simple_server import WSGIServer

import pytest
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.dashboard.serving import Server

Complain = Callable[..., str]
STUDY = "sgd-digits-softmax"
TOKEN = "a b+c/d&e=é"  # must be written otherwise in an address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "lab7", "", "127.0.0.1.example"])
def test_other_machines_need_a_token(
    host: str, complain: Complain, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VRTUNE_TOKEN", raising=False)
    said = complain("dashboard", "--host", host, status=2)
    assert "open to other machines, and the dashboard shows studies: give a --token" in said
    said = complain("dashboard", "--host", host, "--writable", status=2)
    assert "open to other machines, and the dashboard shows and deletes studies: give" in said
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


@pytest.mark.usefixtures("studies")
@pytest.mark.parametrize("writable", [False, True])
def test_it_serves_the_studies(monkeypatch: pytest.MonkeyPatch, writable: bool) -> None:
    checked = []

    def serve(server: Any) -> None:
        thread = threading.Thread(target=WSGIServer.serve_forever, args=(server,))
        thread.start()
        try:
            look(f"http://127.0.0.1:{server.server_port}")
        finally:
            server.shutdown()
            thread.join()
        checked.append(server)

    def look(top: str) -> None:
        url = f"{top}/api/studies"
        urlopen = build_opener(HTTPCookieProcessor()).open
        with pytest.raises(HTTPError, match="403"):
            urlopen(url)
        with urlopen(f"{top}/?token={quote(TOKEN, safe='')}") as answer:
            assert b"url=/dashboard" in answer.read()
        with urlopen(f"{top}/dashboard") as answer:
            assert b"<html" in answer.read()
        with urlopen(url) as answer:
            (study,) = json.load(answer)["study_summaries"]
        assert re.fullmatch(rf"{STUDY}: best [\d.]+, 2 trials", study["study_name"])
        number = study["study_id"]
        with urlopen(f"{url}/{number}?after=0") as answer:
            version = json.load(answer)["note"]["version"]
        note = Request(
            f"{url}/{number}/note",
            data=json.dumps({"body": "noted", "version": version + 1}).encode(),
            headers={"Content-Type": "application/json"},
            method="PUT",
        )
        delete = Request(f"{url}/{number}", data=b"{}", method="DELETE")
        delete.add_header("Content-Type", "application/json")
        if writable:
            with urlopen(note) as answer:
                assert json.load(answer) == {}
            with urlopen(delete) as answer:
                assert json.load(answer) == {}
            with urlopen(url) as answer:
                assert json.load(answer) == {"study_summaries": []}
        else:
            for request in (note, delete):
                with pytest.raises(HTTPError, match="405") as refused:
                    urlopen(request)
                said = json.load(refused.value)["reason"]
                assert said.endswith("start it with vrtune dashboard --writable.")
            with urlopen(url) as answer:
                assert json.load(answer)["study_summaries"] == [study]
        with pytest.raises(HTTPError, match="403"):
            urlopen(Request(url, headers={"Host": "evil.example"}))

    monkeypatch.setattr(Server, "serve_forever", serve)
    given = ["--token", TOKEN] + ["--writable"] * writable
    done = CliRunner().invoke(
        app, ["dashboard", "--port", "0", *given], catch_exceptions=False, prog_name="vrtune"
    )
    assert done.exit_code == 0
    assert checked


def test_a_port_in_use_ends_with_1(studies: Path, complain: Complain) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = complain("dashboard", "--port", port, status=1)
    assert said == f"port {port} can't be used (Address already in use): give another with --port"
