"""What the dashboard's pages offer and report: nothing that is refused, and no failure that is
none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# the signs on the buttons that create, delete, rename, edit and upload
SIGNS = (
    "AddBoxIcon", "DeleteIcon", "DriveFileRenameOutlineIcon", "EditIcon", "UploadFileIcon",
)  # fmt: skip
BUTTONS = [f"button:has(svg[data-testid={sign}])" for sign in SIGNS]
CARD = ".MuiCard-root:has(>button svg[data-testid=UploadFileIcon])"  # that is one button
STYLE = f"<style>{','.join([*BUTTONS, CARD])}{{display:none!important}}</style>".encode()
ASKS_IF_CHANGED = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_NONE_MATCH", "HTTP_RANGE")
OF_THE_FILE = ("content-length", "last-modified", "etag", "accept-ranges")


def only_to_read(app: WSGIApplication) -> WSGIApplication:
    """The same, whose page has no buttons for what only a writable dashboard does."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/dashboard"):
            return app(environ, start_response)
        asked = {name: value for name, value in environ.items() if name not in ASKS_IF_CHANGED}
        head, body = _answered(app, asked)
        body = body.replace(b"</head>", STYLE + b"</head>", 1)
        status, headers = head
        kept = [(name, value) for name, value in headers if name.lower() not in OF_THE_FILE]
        # another page than the dashboard's file, at an address that had that file, too
        more = [("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
        start_response(status, [*kept, *more])
        return [body]

    return answer


def with_content(app: WSGIApplication) -> WSGIApplication:
    """The same, but it says {} where it would say nothing: optuna-dashboard's own programs can't
    read that, and report a failure."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        (status, headers), body = _answered(app, environ)
        if status.startswith("204"):
            status, body = "200 OK", b"{}"
            kept = [(name, value) for name, value in headers if not name.lower().startswith("cont")]
            headers = [*kept, ("Content-Type", "application/json"), ("Content-Length", "2")]
        start_response(status, headers)
        return [body]

    return answer


def _answered(
    app: WSGIApplication, environ: WSGIEnvironment
) -> tuple[tuple[str, list[tuple[str, str]]], bytes]:
    """The status, the headers and all of the body of an answer."""
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: object) -> object:
        heads.append((status, headers))
        return lambda _: None

    parts = app(environ, start)  # type: ignore[arg-type]
    try:
        body = b"".join(parts)
    finally:
        getattr(parts, "close", lambda: None)()
    return heads[-1], body
