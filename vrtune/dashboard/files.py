"""The files that trials keep, as the dashboard hands them out: those of its folder, and as data."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bottle import HTTPResponse
from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound

from vrtune.dashboard.guard import NO_SNIFFING, adding

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

ID = re.compile(r"[0-9a-fA-F-]+")  # of a file, as Optuna makes it
SANDBOX = ("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
OWN_PAGES = ("Cross-Origin-Resource-Policy", "same-origin")
ANY_PAGE = "access-control-allow-origin"


class Files:
    """A folder of files, from which no link and no name leads out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self._store = FileSystemArtifactStore(self.folder)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """A file's content; an answer that says so where there is none."""
        if not ID.fullmatch(artifact_id):
            raise _gone()
        try:
            path = self.folder / artifact_id
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise _gone() from None
        if not stat.S_ISREG(os.fstat(number).st_mode):
            os.close(number)
            raise _gone()
        return os.fdopen(number, "rb")

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Keeps one more."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._store.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Removes one, if it is there: with one that is not, no study could be deleted."""
        with suppress(ArtifactNotFound):
            self._store.remove(artifact_id)


def sandboxed(app: WSGIApplication) -> WSGIApplication:
    """The same, but what comes out of trials' files is run by no browser and read by no other
    site's pages."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not environ.get("PATH_INFO", "").startswith("/artifacts/"):
            return app(environ, start_response)

        def start(status: str, headers: list[tuple[str, str]], *error: object) -> object:
            own = [(name, value) for name, value in headers if name.lower() != ANY_PAGE]
            return safer(status, own, *error)  # type: ignore[arg-type]

        safer = adding(start_response, SANDBOX, OWN_PAGES, NO_SNIFFING)
        return app(environ, start)  # type: ignore[arg-type]

    return answer


def _gone() -> HTTPResponse:
    return HTTPResponse("The file is not there any more.\n", 404, {"Content-Type": "text/plain"})
