"""Which searches of a study go on: each gives signs of life, wherever it runs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress

import optuna

from vrtune.studies.alive import alive, identity, pulse, pulse_age, same, watch
from vrtune.studies.leases import GRACE_S, HEARTBEAT_S
from vrtune.studies.searches import SearchEntry, read_searches

PULSE = "vrtune:{}"  # the study's system attribute with a search's last sign; empty: it is over

_here = set[str]()  # searches of this process that go on


class Presence:
    """Says that a search goes on, as long as this is open (`with`)."""

    def __init__(self, study: optuna.Study, entry: SearchEntry) -> None:
        self.study, self.entry = study, entry
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Presence:
        _here.add(self.entry.name)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        _here.discard(self.entry.name)
        with suppress(Exception):  # a storage that is away
            say(self.study, self.entry, "")

    def _beat(self) -> None:
        while not self._over.wait(HEARTBEAT_S):
            with suppress(Exception):
                say(self.study, self.entry)


def say(study: optuna.Study, entry: SearchEntry, sign: str | None = None) -> None:
    """Gives a sign that a search goes on; an empty one: that it is over."""
    given = pulse() if sign is None else sign
    study._storage.set_study_system_attr(study._study_id, PULSE.format(entry.name), given)


def lives(study: optuna.Study, entry: SearchEntry) -> bool | None:
    """Whether a search goes on; None: not known yet, as it runs on another machine."""
    kept = study._storage.get_study_system_attrs(study._study_id)
    felt, first = kept.get(PULSE.format(entry.name)), entry.workers[0].model_dump()
    if not felt or alive(first) is False:
        return False
    if same(first, identity()):
        return entry.name in _here
    quiet_s, changed = watch((study.study_name, entry.name), felt)
    if (age := pulse_age(felt)) is not None:
        return age <= GRACE_S
    return False if quiet_s > GRACE_S else changed or None


def others(study: optuna.Study, mine: SearchEntry | None = None) -> list[SearchEntry]:
    """The searches that go on, or may, in the order in which they began; but for one's own."""
    open_ = [entry for entry in read_searches(study) if not entry.ended and not entry.same(mine)]
    return [entry for entry in open_ if lives(study, entry) is not False]


def concludes(study: optuna.Study, mine: SearchEntry, before: Sequence[SearchEntry]) -> bool | None:
    """Whether a search that joined a study is the one to judge and train its best again: no other
    does, nor one of those `before` that has run to its end meanwhile. None: not known yet."""
    if any(entry.ended and not entry.stopped for entry in _now(study, before)):
        return False
    found = others(study, mine)
    ahead = [entry for entry in found if not entry.joined or _key(entry) < _key(mine)]
    known = [lives(study, entry) for entry in ahead]
    return False if any(known) else None if known else True


def _now(study: optuna.Study, entries: Sequence[SearchEntry]) -> list[SearchEntry]:
    """Entries as they are by now."""
    return [e for e in read_searches(study) if any(e.same(before) for before in entries)]


def _key(entry: SearchEntry) -> tuple[object, str]:
    return entry.began, entry.name
