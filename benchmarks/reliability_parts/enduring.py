"""Runs a search while faults are caused, again and again until all is done, and counts."""

from __future__ import annotations

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from postgresql import serving

from reliability_parts.faults import Fault, small_disk
from reliability_parts.places import Place
from reliability_parts.reading import Curve, Point, asked, count, curve, ended, finished
from reliability_parts.running import Commands
from reliability_parts.setting import Setting, Shape

LOOK_S = 0.25  # between two looks into the storage
BEGIN_S = 60.0  # for a search to report an epoch, before the next fault comes anyway
PATIENCE_S = 1800.0  # for a run to be done

Trials = Sequence[FrozenTrial]


class Watch:
    """Looks into the storage while it is searched, and remembers what has ended."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.study: optuna.Study | None = None
        self.seen: dict[int, str] = {}
        self.trials: Trials = ()

    def look(self) -> Trials:
        """The trials by now; those of before while the storage does not answer."""
        try:
            self.study = self.study or self.place.study()
            self.trials = self.study.get_trials(deepcopy=False)
        except Exception:  # there is none yet, or it is away: that is what is caused here
            self.study = None
        for number, was in ended(self.trials).items():
            self.seen.setdefault(number, was)
        return self.trials

    def reported(self) -> int:
        """Epochs that were reported by now."""
        return sum(len(trial.intermediate_values) for trial in self.look())


def endure(
    fault: Fault,
    place: Place,
    setting: Setting,
    unbroken: dict[Point, Curve],
    shape: Shape,
    *,
    times: int,
    rng: random.Random,
) -> dict[str, Any]:
    """What came of a run with so many faults, at most.

    Args:
        fault, place, setting: what is caused, where the study is kept, and what is searched.
        unbroken: the curves of a run without faults.
        shape: how many processes search.
        times: faults at most.
        rng: decides when faults come, and of which kind.
    """
    setting.write(place.folder)
    run = Commands(place.folder, setting.commands(place.url, shape))
    watch = Watch(place)
    kinds, began = Counter[str](), time.monotonic()
    try:
        run.start(1)  # workers join a search that has begun
        while not watch.reported() and run.look():
            time.sleep(LOOK_S)
        while not (done := finished(watch.look(), setting.points)) or run.look():
            if time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(f"{fault.name} on {place.kind}: not done, see {place.folder}")
            if not done:
                run.start()
            left = kinds.total() < times
            if not _trained(run, watch, rng.uniform(*fault.between) if left else PATIENCE_S):
                continue
            if left and run.look():
                kinds[fault.cause(run, place, rng)] += 1
    finally:
        run.end()
    trials = place.study().get_trials()  # by a storage that is opened now
    counts = count(trials, setting.points, watch.seen, unbroken, setting.every)
    return {
        "fault": fault.name,
        "storage": place.kind,
        **asdict(shape),
        "every": setting.every,
        "times": kinds.total(),
        "kinds": dict(sorted(kinds.items())),
        "starts": run.starts,
        "gave_up": run.gave_up,
        "seconds": round(time.monotonic() - began),
        **counts.record(),
    }


def _trained(run: Commands, watch: Watch, seconds: float) -> bool:
    """Waits until so many seconds of training are over, from the first epoch on that is reported
    now; False if the commands end before."""
    since, first, before = time.monotonic(), None, watch.reported()
    while run.look():
        now = time.monotonic()
        if first is None and (watch.reported() != before or now - since > BEGIN_S):
            first = now
        if first is not None and now - first >= seconds:
            return True
        watch.look()
        time.sleep(LOOK_S)
    return False


def unbroken(setting: Setting) -> tuple[dict[Point, Curve], dict[str, Any]]:
    """The curve of each setting in a run without faults, and what its study holds at last."""
    with room("sqlite") as place:
        setting.write(place.folder)
        run, watch = Commands(place.folder, [setting.search(place.url, Shape())]), Watch(place)
        try:
            run.start()
            _trained(run, watch, PATIENCE_S)
        finally:
            run.end()
        if run.ended.get(0) != 0 or not finished(watch.look(), setting.points):
            raise RuntimeError(f"a search without faults failed: {run.said(0)}")
        study = place.study()
        return {asked(t): curve(t) for t in study.get_trials()}, dict(study.user_attrs)


@contextmanager
def room(kind: str, *, small: bool = False) -> Iterator[Place]:
    """A fresh storage in a folder of its own, which may be a small disk."""
    with ExitStack() as stack:
        temporary = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(stack.enter_context(temporary)) / "run"
        if small:
            stack.enter_context(small_disk(folder))
        server = stack.enter_context(serving()) if kind == "postgresql" else None
        place = Place(kind, folder, server)
        place.make()
        yield place
