"""optuna-dashboard on a storage, with what people should see of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import optuna
from optuna_dashboard import wsgi

from vrtune.dashboard.files import Files, sandboxed
from vrtune.dashboard.guard import ONLY_READ, READING, answered
from vrtune.dashboard.offered import only_to_read, with_content
from vrtune.dashboard.sight import View
from vrtune.dashboard.words import Words
from vrtune.errors import VrtuneError
from vrtune.storages.opening import is_outdated, open_for_dashboard, open_to_read
from vrtune.storages.shown import Shown
from vrtune.studies.artifacts import artifact_folder

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from optuna.storages import BaseStorage


def application(url: str, *, writable: bool = False) -> WSGIApplication:
    """The dashboard of a storage that exists, without a guard. UsageError or VrtuneError if it does
    not.

    What is read is seen through a view, and comes from a storage that was opened to be read. What
    is written, if it may be, goes to the storage itself, past the view.
    """
    files = Files(artifact_folder(url))
    if not writable:
        return sandboxed(only_to_read(Pages(lambda: open_to_read(url), files, url)))
    storage = open_for_dashboard(url)
    reading = Pages(lambda: storage, files, url)
    writing = with_content(wsgi(storage, artifact_store=files))

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        reads = environ["REQUEST_METHOD"] in READING
        return (reading if reads else writing)(environ, start_response)

    return sandboxed(answer)


class Pages:
    """What is read. Built anew when a study has gone: another may have its place in the storage,
    and the dashboard would show what it remembers of the first."""

    def __init__(self, opened: Callable[[], BaseStorage], files: Files, url: str) -> None:
        self.opened, self.files, self.url = opened, files, url
        self.storage = opened()
        self.shown, self.app = self._build()
        self._there: dict[int, Any] = {}  # the studies
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ.setdefault("HTTP_ACCEPT_ENCODING", "")  # optuna-dashboard fails without
        if environ["REQUEST_METHOD"] not in READING:
            return answered(start_response, "405 Method Not Allowed", ONLY_READ)
        if environ.get("PATH_INFO", "").startswith(("/api/", "/csv/")):
            try:
                with self._lock:
                    self._look()
            except VrtuneError as error:  # the storage is away
                return answered(start_response, "503 Service Unavailable", str(error))
        return self.app(environ, start_response)

    def _look(self) -> None:
        if is_outdated(self.storage):
            self.storage = self.opened()
            self.shown, self.app = self._build()
        now = self.shown.identities()
        if any(now.get(number) != known for number, known in self._there.items()):
            self.shown, self.app = self._build()
        self._there = now

    def _build(self) -> tuple[Shown, WSGIApplication]:
        # a storage that remembers trials that have ended: thousands are read in seconds
        shown = Shown(optuna.storages.get_storage(self.storage), View())
        app = wsgi(shown, artifact_store=self.files)
        app.install(Words(shown, self.url))
        return shown, app
