"""What a study remembers of each search: how it went about it, with which versions, at what cost.

Written when a search begins, so that one that is cut off is known too, and completed at its end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, distribution_to_json
from optuna.trial import FrozenTrial
from pydantic import AwareDatetime, ConfigDict, Field, ValidationError

from vrtune.config import Settings
from vrtune.later import torch
from vrtune.spaces import Space
from vrtune.studies import leases
from vrtune.studies.alive import between, identity, is_identity, pulse, same
from vrtune.studies.leases import PULSE, WORKER
from vrtune.studies.outcome import spent
from vrtune.studies.versions import Versions, commit, versions

SEARCH = "search {} {}"  # the study attribute of a search: when it began, and its first process
SEARCHES = "searches"  # the one in which older versions kept all of them


class Worker(Settings):
    """A process of a search, as it signs its trials."""

    host: str
    pid: int
    started: float
    boot: str | None = None  # in entries of older versions: there it started seconds since 1970
    namespace: str | None = None

    def signed(self, trial: FrozenTrial) -> bool:
        """Whether the process trained a trial."""
        given = trial.user_attrs.get(WORKER)
        return is_identity(given) and same(self.model_dump(), given)


class SearchEntry(Settings):
    """One search. What its settings mean is said by SearchSettings, its times by Timesheet."""

    model_config = ConfigDict(extra="ignore")  # a later vrtune may keep more

    began: AwareDatetime  # by the clock of the place
    pulse: str = ""  # of its first process then; empty in entries of older versions
    ended: AwareDatetime | None = None  # None where it was cut off, or goes on
    stopped: bool = False
    joined: bool = False  # a study that another search had opened
    workers: tuple[Worker, ...] = Field(min_length=1)
    sampler: str
    pruner: str
    start: str
    validate_at: str
    trials: int | None  # asked for
    budget: float | None
    timeout: float | None
    confirm: int
    jobs: int | str
    open: int | str
    lanes: int | str
    fuse: str
    artifacts: str = "curves"
    checkpoint: int | str = "auto"
    processes: int
    plan: str
    ranges: dict[str, dict[str, Any]]  # as Optuna writes them
    default: dict[str, Any]  # the setting it started with; empty where it did with none
    parameters: int  # of the model
    samples: int | None = None  # of the whole training part
    shape: tuple[int, ...] | None = None  # of a sample
    data_dir: str
    commit: str | None
    versions: Versions
    ran: int | None = None  # trials
    gradient_computations: float | None = None  # of those that ended
    occupancy: float | None = None
    outside: float | None = None
    training: float | None = None
    judging: float | None = None
    seating: float | None = None
    beside: float | None = None
    total: float | None = None
    wall: float | None = None
    offered: float | None = None
    taken: float | None = None

    @property
    def seconds(self) -> float | None:
        """By the clock; None of one that has no end."""
        return (self.ended - self.began).total_seconds() if self.ended else None

    @property
    def name(self) -> str:
        """The study attribute that holds it; the trials of the search name it, too."""
        first = self.workers[0]
        return SEARCH.format(self.began.isoformat(), f"{first.host} {first.pid}")

    def same(self, other: SearchEntry | None) -> bool:
        """Whether the other is of the same search."""
        return other is not None and self.name == other.name


def begin(
    study: optuna.Study,
    space: Space,
    settings: Settings,
    *,
    device: torch.device,
    processes: int,
    others: Sequence[int] = (),
    joined: bool = False,
    plan: str,
    parameters: int,
    samples: int,
    shape: tuple[int, ...],
) -> SearchEntry:
    """Enters a search that is about to start: `settings` are a SearchSettings; `others` the numbers
    that the system knows its other processes by; then the plan, and the size of model and data."""
    given = settings.model_dump(mode="json")
    started = (given["sampler"], given["start"]) == ("auto", "on")
    entry = SearchEntry.model_validate(
        {
            **given,
            "began": datetime.now().astimezone(),
            "pulse": pulse(),
            "joined": joined,
            "workers": [identity(), *_identities(others)],
            "processes": processes,
            "plan": plan,
            "ranges": written(space.ranges()),
            "default": space.default() if started else {},
            "parameters": parameters,
            "samples": samples,
            "shape": shape,
            "data_dir": str(Path(given["data_dir"]).resolve()),
            "commit": commit(),
            "versions": versions(device),
        }
    )
    _write(study, entry)
    return entry


def finish(
    study: optuna.Study, entry: SearchEntry, times: Mapping[str, float | None], *, stopped: bool
) -> SearchEntry:
    """Completes an entry: what the search cost, and how its time was spent."""
    found = read_searches(study)
    ran = [t for t in study.get_trials(deepcopy=False) if entry.same(search_of(found, t))]
    came = {
        "ended": datetime.now().astimezone(),
        "stopped": stopped,
        "ran": len(ran),
        "gradient_computations": spent(ran),
    }
    entry = SearchEntry.model_validate({**entry.model_dump(), **came, **times})
    _write(study, entry)
    return entry


def read_searches(study: optuna.Study) -> list[SearchEntry]:
    """The searches of a study, in the order in which they began, but for those that older versions
    kept less of."""
    found, attrs = [], study.user_attrs
    earlier = attrs.get(SEARCHES)
    now = [kept for name, kept in attrs.items() if name.startswith(SEARCH.split("{")[0])]
    for kept in [*(earlier if isinstance(earlier, list) else []), *now]:
        with suppress(ValidationError):
            found.append(SearchEntry.model_validate(kept))
    return sorted(found, key=lambda entry: entry.began)


def search_of(searches: Sequence[SearchEntry], trial: FrozenTrial) -> SearchEntry | None:
    """The search that a trial belongs to, as it says. In older versions the process tells that
    signed it; of several searches in one process, the last that had begun by then. None where it
    is none of `searches`."""
    signed = trial.user_attrs.get(WORKER)
    if isinstance(signed, dict) and (name := signed.get(leases.SEARCH)):
        return next((entry for entry in searches if entry.name == name), None)
    mine = [
        entry
        for entry in sorted(searches, key=lambda entry: entry.began)
        if _had_begun(entry, trial) and any(worker.signed(trial) for worker in entry.workers)
    ]
    last = mine[0] if mine else None
    for entry in mine[1:]:
        if last and (between(last.pulse, entry.pulse) or 0.0) >= 0:
            last = entry
    return last


def _had_begun(entry: SearchEntry, trial: FrozenTrial) -> bool:
    """By the clock that is never set, where both have it."""
    passed, since = between(entry.pulse, trial.system_attrs.get(PULSE)), trial.datetime_start
    if passed is not None:
        return passed >= 0
    return since is not None and entry.began.replace(tzinfo=None) <= since


def written(ranges: Mapping[str, BaseDistribution]) -> dict[str, dict[str, Any]]:
    """Ranges as Optuna writes them, without what is not set."""
    out = {}
    for name, given in ranges.items():
        read = json.loads(distribution_to_json(given))
        known = {k: v for k, v in read["attributes"].items() if v is not None}
        out[name] = {"name": read["name"], "attributes": known}
    return out


def as_text(name: str, given: Mapping[str, Any]) -> str:
    """A range, as it is written, for people."""
    known: Any = given.get("attributes")
    try:
        if "choices" in known:
            return f"{name} of {', '.join(map(repr, known['choices']))}"
        step = "" if known.get("step", 1) == 1 else f", steps of {known['step']:g}"
        return f"{name} {known['low']:g} .. {known['high']:g}{' (log)' * known['log']}{step}"
    except (AttributeError, KeyError, TypeError, ValueError):  # not what vrtune wrote
        return f"{name} of unknown range"


def _write(study: optuna.Study, entry: SearchEntry) -> None:
    """Each has an attribute of its own: others may write theirs at the same time."""
    study.set_user_attr(entry.name, entry.model_dump(mode="json"))


def _identities(pids: Sequence[int]) -> list[dict[str, Any]]:
    """Those of other processes here, as far as they live."""
    found = [identity(pid) for pid in pids]
    return [each for each in found if (each["started"] or -1) >= 0]
