"""Kills a search while it judges its best trial again and trains it on the whole training set."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from dataclasses import asdict
from typing import Any

from reliability_parts.faults import KILLED_S
from reliability_parts.places import Place
from reliability_parts.running import Commands
from reliability_parts.setting import Setting, Shape

LOOK_S = 0.1
PATIENCE_S = 900.0
JUDGING, TRAINING = "while judging again", "while training again"
DOING = {"judging": JUDGING, "training": TRAINING}  # by how a line of the search begins
OWN = ("seconds", "folder", "continued")  # what no two runs have in common


def endure(
    place: Place,
    setting: Setting,
    unbroken: dict[str, Any],
    *,
    times: int,
    rng: random.Random,
) -> dict[str, Any]:
    """What came of a search that is killed every few seconds once its trials are done.

    Args:
        place, setting: where the study is kept, and what is searched.
        unbroken: what the study of a run without faults holds at last.
        times: kills at most.
        rng: decides when they come.
    """
    setting.write(place.folder)
    run = Commands(place.folder, [setting.search(place.url, Shape())])
    kinds, began = Counter[str](), time.monotonic()
    try:
        while run.ended.get(0) != 0:
            if time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(f"the retraining on {place.kind} is not done: {run.said(0)}")
            run.start()
            words = _awaited(run, rng.uniform(3, 5))
            if words and kinds.total() < times:
                processes = [*run.firsts(), *run.workers()]
                run.signal(processes, signal.SIGKILL)
                run.gone(processes, KILLED_S)
                kinds[words] += 1
            elif words:
                while run.look():
                    time.sleep(LOOK_S)
    finally:
        run.end()
    kept = dict(place.study().user_attrs)
    found = results(kept)
    return {
        "fault": "a retraining killed",
        "storage": place.kind,
        **asdict(Shape()),
        "times": kinds.total(),
        "kinds": dict(sorted(kinds.items())),
        "starts": run.starts,
        "gave_up": run.gave_up,
        "seconds": round(time.monotonic() - began),
        "results": len(found),
        "continued": max(continued(kept).values(), default=0),  # the epoch from which it went on
        "unlike": sum(found.get(name) != was for name, was in results(unbroken).items()),
    }


def _awaited(run: Commands, seconds: float) -> str:
    """Waits until a start has judged or trained again for so long; what it does. Empty if it has
    ended before."""
    before, since = run.log(0).read_text(errors="replace").count("\n"), 0.0
    while run.look():
        lines = run.log(0).read_text(errors="replace").splitlines()[before:]
        doing = [what for line in lines for word, what in DOING.items() if line.startswith(word)]
        since = since or (time.monotonic() if doing else 0.0)
        if since and time.monotonic() - since >= seconds:
            return doing[-1]
        time.sleep(LOOK_S)
    return ""


def results(attributes: dict[str, Any]) -> dict[str, Any]:
    """What a study keeps of judging and training again, without what is a run's own."""
    return {
        name: {key: value for key, value in kept.items() if key not in OWN}
        for name, kept in attributes.items()
        if name.startswith(("confirm-", "retrain-")) and isinstance(kept, dict)
    }


def continued(attributes: dict[str, Any]) -> dict[str, int]:
    """The epochs from which retrainings went on; 0 for one that was not cut off."""
    return {
        name: kept.get("continued") or 0
        for name, kept in attributes.items()
        if name.startswith("retrain-")
    }
