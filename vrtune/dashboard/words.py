"""What optuna-dashboard answers its own pages, in the words and figures that people are shown."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from vrtune.dashboard.drawn import Drawing
from vrtune.dashboard.sight import StudySight, is_machines
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.shown import Shown
from vrtune.studies.note import is_ours, note

LIST, DETAIL = "/api/studies", "/api/studies/<study_id:int>"  # as the dashboard calls its routes
LOOK_S = 2.0  # for which the list of studies waits
DIGITS, LONGEST = 6, 300  # of a number, and characters of an attribute

Said = dict[str, Any]  # what becomes JSON


class Words:
    """A plugin for the dashboard's application: its list of studies, and what it says of one."""

    name, api = "vrtune", 2  # as bottle wants it

    def __init__(self, shown: Shown, url: str) -> None:
        self.shown, self.url = shown, url
        self._drawing = Drawing()
        self._notes: dict[int, tuple[StudySight, str]] = {}
        self._sights: dict[int, StudySight] = {}  # as they were when the list was asked for last
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def apply(self, call: Callable[..., Any], route: Any) -> Callable[..., Any]:
        """The function behind a route, whose answer is changed where it is one of the two."""
        changes: dict[str, Callable[..., None]] = {LIST: self._list, DETAIL: self._detail}
        change = changes.get(route.rule)
        if change is None or route.method != "GET":
            return call

        def changed(**given: Any) -> Any:
            said = call(**given)
            with suppress(KeyError, VrtuneError):  # gone, or damaged: as the dashboard has it
                if isinstance(said, dict) and "reason" not in said:
                    change(said, **given)
            return said

        return changed

    def _list(self, said: Said) -> None:
        """Studies not looked at in time are listed without: thousands of trials take a while."""
        self._look([study["study_id"] for study in said["study_summaries"]])
        for study in said["study_summaries"]:
            if sight := self._sights.get(study["study_id"]):
                study["study_name"] = sight.name
                study["user_attrs"] = _attributes(sight.attributes)
            else:
                kept = study["user_attrs"]
                study["user_attrs"] = [attr for attr in kept if not is_machines(attr["key"])]

    def _look(self, numbers: Sequence[int]) -> None:
        """Looks at studies, the newest first as the page has them; comes back when that is done, or
        takes too long."""

        def look() -> None:
            for number in reversed(numbers):
                with suppress(KeyError, VrtuneError):
                    self._sights[number] = self.shown.sight(number)

        with self._lock:
            if self._looking is None or not self._looking.is_alive():
                self._looking = threading.Thread(target=look, daemon=True)
                self._looking.start()
            looking = self._looking
        looking.join(LOOK_S)

    def _detail(self, said: Said, study_id: int) -> None:
        sight: StudySight = self.shown.sight(study_id)
        said["name"], said["user_attrs"] = sight.name, _attributes(sight.attributes)
        for trial in (*said["trials"], *said["best_trials"]):
            _shorten(trial)
        if not sight.ours:
            return
        columns = [column["key"] for column in said["union_user_attrs"]]
        late = dict.fromkeys(name for known in sight.known.values() for name in known)
        said["union_user_attrs"] += [
            {"key": name, "sortable": name != "state"} for name in late if name not in columns
        ]
        if text := self._note(study_id, sight):
            said["note"]["body"] = text
        figures = self._drawing.of(self.shown.study(study_id), sight)
        said["plotly_graph_objects"] = [*figures, *said["plotly_graph_objects"]]

    def _note(self, study_id: int, sight: StudySight) -> str:
        """What vrtune has to say now, unless somebody said something there."""
        study = self.shown.study(study_id)
        if not is_ours(study):
            return ""
        by, text = self._notes.get(study_id, (None, ""))
        if by is not sight:
            with suppress(UsageError, KeyError, TypeError, ValueError):  # damaged, or another's
                text = note(study, self.url)
            self._notes[study_id] = sight, text
        return text


def _attributes(given: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"key": name, "value": _text(value)} for name, value in given.items()]


def _text(value: Any) -> str:
    """An attribute as the dashboard writes it."""
    return value if isinstance(value, str) else json.dumps(value)[:LONGEST]


def _shorten(trial: Said) -> None:
    """Numbers of a trial with as many digits as people read."""
    if "values" in trial:  # the page takes null for some
        trial["values"] = list(map(_short, trial["values"]))
    for step in trial["intermediate_values"]:
        step["value"] = _short(step["value"])
    for param in trial["params"]:
        if "float" in param["param_external_pytyp"]:
            param["param_external_value"] = f"{float(param['param_external_value']):.{DIGITS}g}"


def _short(value: Any) -> Any:
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value
