"""How studies were made: with which data, versions and settings of their searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vrtune.comparing.tuned import Tuned
from vrtune.display.figures import figure
from vrtune.studies.searches import SearchEntry, as_text

VERSIONS = ("vrtune", "torch", "optuna", "numpy", "python")


def origins(tuned: Sequence[Tuned]) -> tuple[list[str], list[list[str]]]:
    """Names of columns and a row a study; a column that says nothing anywhere is left out."""
    columns: dict[str, Callable[[Tuned], str]] = {
        "study": lambda each: each.study,
        "space": lambda each: each.record.space,
        "weights start": lambda each: each.task.init,
        "trials": lambda each: str(each.counts),
        "sampler": lambda each: _of(each, lambda search: search.sampler),
        "pruner": lambda each: _of(each, lambda search: search.pruner),
        "DEFAULT and GRID first": lambda each: _of(each, lambda search: search.start),
        "ranges": _ranges,
        "seed": lambda each: str(each.task.seed),
        "seeds trained again": lambda each: str(each.again.seeds) if each.again else "",
        "data": lambda each: each.record.fingerprint,
        "commit": lambda each: _of(each, lambda search: (search.commit or "")[:12]),
        "device": lambda each: _of(each, lambda search: search.versions.device),
        "processes": lambda each: _of(each, lambda search: figure(search.processes)),
        "versions": lambda each: _of(each, _versions),
        "searched": lambda each: _of(each, lambda search: f"{search.began:%Y-%m-%d}"),
    }
    rows = [[say(each) for say in columns.values()] for each in tuned]
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    return [list(columns)[i] for i in kept], [[row[i] for i in kept] for row in rows]


def _of(tuned: Tuned, say: Callable[[SearchEntry], str]) -> str:
    """What its searches say, each thing once."""
    return ", ".join(dict.fromkeys(filter(None, map(say, tuned.searches))))


def _versions(search: SearchEntry) -> str:
    known = search.versions.model_dump()
    return " ".join(f"{name} {known[name]}" for name in VERSIONS if known.get(name))


def _ranges(tuned: Tuned) -> str:
    return _of(tuned, lambda search: "; ".join(as_text(*each) for each in search.ranges.items()))
