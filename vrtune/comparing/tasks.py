"""Whether studies are of one task, so that what they found can be compared.

How weights start (`init`), what draws them to zero and which of them are judged (`penalty`,
`average`) are part of a method. Studies of other seeds are repeats.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from pathlib import PurePath
from typing import Any

from vrtune.comparing.tuned import Tuned
from vrtune.display.figures import figure, first_of, safe
from vrtune.errors import UsageError

OF_METHODS = ("init", "penalty", "average")  # fields of a task that a method brings with it
OF_REPEATS = ("seed",)
DATA = "data"
ANYWAY = "--any-task (from Python any_task=True) compares them anyway, with nothing paired"
DIGITS = 8  # of a digest
NAMED = 3  # studies of one task, and tasks, that a sentence names


def same_task(tuned: Sequence[Tuned], *, any_task: bool, named: bool = True) -> None:
    """Makes sure that studies are of one task and of the same data; their seeds may differ as long
    as there is one that every method was tuned with.

    Args:
        tuned: what the studies found.
        any_task: whether to let all of them pass.
        named: whether the user named the studies; if not, the error says which there are.

    Raises:
        UsageError: they are not of one task; what differs, and how to compare them anyway.
    """
    if any_task or not tuned:
        return
    groups: dict[Hashable, list[Tuned]] = defaultdict(list)
    for each in tuned:
        groups[tuple(_judged(each).items())].append(each)
    if len(groups) > 1:
        raise UsageError(_two(tuned) if named else _all(list(groups.values())))
    seeds: dict[str, set[int]] = defaultdict(set)
    for each in tuned:
        seeds[each.record.method].add(each.task.seed)
    if not set.intersection(*seeds.values()):
        said = "; ".join(
            f"{safe(method)} {', '.join(map(str, sorted(own)))}" for method, own in seeds.items()
        )
        raise UsageError(
            f"no seed was used for every method ({said}), so folds, weights and batches differ: "
            f"search with one --seed, or {ANYWAY}"
        )


def unlike(first: Tuned, second: Tuned, *, seeds: bool = True) -> str:
    """What differs between the tasks of two studies: `epochs 10 and 20`; empty where nothing does.
    With seeds that means that one sees the folds, weights and batches of the other."""
    one, two = _judged(first, seeds=seeds), _judged(second, seeds=seeds)
    names = [name for name in one if one[name] != two[name]]
    if DATA in names and len(names) > 1:  # such as a limit, from which the fingerprint follows
        names.remove(DATA)
    elif names == [DATA] and first.task.dataset != second.task.dataset:
        return f"dataset {safe(first.task.dataset)} and {safe(second.task.dataset)}"
    return ", ".join(f"{_word(n)} {_shown(one[n])} and {_shown(two[n])}" for n in names)


def _two(tuned: Sequence[Tuned]) -> str:
    """The first study and the next that is of another task."""
    first = tuned[0]
    other, what = next((t, said) for t in tuned if (said := unlike(first, t, seeds=False)))
    return (
        f"studies {first.study!r} and {other.study!r} are of different tasks ({what}): "
        f"name studies of one task; {ANYWAY}"
    )


def _all(groups: Sequence[Sequence[Tuned]]) -> str:
    """Which studies there are, by task."""
    judged = [_judged(group[0]) for group in groups]
    told = [name for name in judged[0] if len({repr(each[name]) for each in judged}) > 1]
    sources = [group[0].task.dataset for group in groups]
    if told != [DATA] or len({*sources}) == len(sources):  # names say more than fingerprints
        judged = [{**t, DATA: source} for t, source in zip(judged, sources, strict=True)]
        told = [name for name in told if name != DATA or len({*sources}) > 1]
    said = [
        f"{', '.join(f'{_word(n)} {_shown(task[n])}' for n in told)}: {_names(group)}"
        for task, group in zip(judged, groups, strict=True)
    ]
    more = f"; and {len(said) - NAMED} more" if len(said) > NAMED else ""
    return (
        f"the studies here are of {len(groups)} tasks ({'; '.join(said[:NAMED])}{more}): "
        f"name those of one of them; {ANYWAY}"
    )


def _judged(tuned: Tuned, *, seeds: bool = False) -> dict[str, Any]:
    """What the methods of a comparison have in common; of data what they hold, not their name."""
    own = tuned.task.model_dump(exclude={"dataset", *OF_METHODS, *(() if seeds else OF_REPEATS)})
    for what, digest in tuned.record.objects.items():  # of a user's own what it holds, too
        own[what] = f"{PurePath(own[what]).name} ({digest[:DIGITS]})"
    return {DATA: tuned.record.fingerprint, **own}


def _names(group: Sequence[Tuned]) -> str:
    return first_of([safe(each.study) for each in group], NAMED)


def _word(name: str) -> str:
    return "data" if name == DATA else name.replace("_", " ")


def _shown(value: Any) -> str:
    return "none" if value is None else figure(value)
