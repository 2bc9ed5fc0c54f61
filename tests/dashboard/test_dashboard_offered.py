"""The page offers what it may do, and its own programs can read what they are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vrtune.dashboard.offered import STYLE, only_to_read, with_content
from vrtune.dashboard.pages import application

Ask = Callable[..., Any]


def test_a_page_to_be_read_has_no_buttons_to_write(searched: str, ask: Ask) -> None:
    reads, writes = (application(searched, writable=writable) for writable in (False, True))
    for path in ("/dashboard", "/dashboard/studies/1/note"):
        shown, whole = ask(reads, path), ask(writes, path)
        assert shown.body.replace(STYLE, b"", 1) == whole.body
        assert len(shown.body) == len(whole.body) + len(STYLE)
        assert shown.headers["Content-Length"] == str(len(shown.body))
        policy = whole.headers["Content-Security-Policy"]
        assert shown.headers["Content-Security-Policy"] == policy
        assert "'unsafe-inline'" in policy.partition("style-src")[2].partition(";")[0]


def test_a_page_from_before_is_not_taken_for_it(searched: str, ask: Ask) -> None:
    """A browser may still have that of a writable dashboard at the same address."""
    reads, writes = (application(searched, writable=writable) for writable in (False, True))
    whole = ask(writes, "/dashboard")
    known = {"IF_MODIFIED_SINCE": whole.headers["Last-Modified"]}
    known |= {"IF_NONE_MATCH": whole.headers["Etag"]}
    assert ask(writes, "/dashboard", **known).status.startswith("304")
    again = ask(reads, "/dashboard", **known)
    assert again.status == "200 OK"
    assert not {"Last-Modified", "Etag"} & set(again.headers)
    assert again.headers["Cache-Control"] == "no-store"


def test_nothing_is_said_as_json(ask: Ask) -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        status = environ["QUERY_STRING"]
        start(status, [("Content-Length", "0"), ("X", "y"), ("Content-Type", "text/html")])
        return []

    done = ask(with_content(app), "/", query="204 No Content")
    assert (done.status, done.json) == ("200 OK", {})
    assert done.headers == {
        "X": "y", "Content-Type": "application/json", "Content-Length": "2"
    }  # fmt: skip
    other = ask(with_content(app), "/", query="404 Not Found")
    assert (other.status, other.body) == ("404 Not Found", b"")


def test_other_answers_are_handed_on(ask: Ask) -> None:
    def app(_: object, start: Callable[..., Any]) -> list[bytes]:
        start("200 OK", [("ETag", "x")])
        return [b"<head></head>"]

    assert ask(only_to_read(app), "/static/bundle.js").headers == {"ETag": "x"}
    assert ask(only_to_read(app), "/artifacts/1/abc").body == b"<head></head>"
