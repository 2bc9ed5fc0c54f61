"""What a search may not continue: a study of others, of another task, or with another text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import optuna

from vrtune.errors import UsageError
from vrtune.own.objects import is_object

if TYPE_CHECKING:
    from vrtune.studies.record import StudyRecord

CURE = "choose another name with --study"


def refuse_foreign(study: optuna.Study, direction: str) -> None:
    """UsageError for a study of several values, or of one that goes another way."""
    ways = [way.name.lower() for way in study.directions]
    if ways != [direction]:
        what = f"{ways[0]}s its value" if len(ways) == 1 else f"has {len(ways)} objectives"
        raise UsageError(f"study {study.study_name!r} {what}, so vrtune did not make it: {CURE}")


def refuse_other(study: optuna.Study, kept: StudyRecord, now: StudyRecord) -> None:
    """UsageError for another task; where data and own files lie does not matter, what they hold
    does."""
    before, after = ({**record.task.model_dump(), "space": record.space} for record in (kept, now))
    if kept.fingerprint == now.fingerprint:
        for place in ("dataset", "target"):
            del before[place], after[place]
    for role in ("model", "loss", "metric"):
        if is_object(before[role]) and is_object(after[role]) and _moved(role, kept, now):
            del before[role], after[role]
    changes = [f"{k} was {before[k]}, now {after[k]}" for k in after if before[k] != after[k]]
    if kept.fingerprint != now.fingerprint:
        changes.append(f"data fingerprint was {kept.fingerprint}, now {now.fingerprint}")
    if changes:
        raise UsageError(
            f"study {study.study_name!r} holds another task ({'; '.join(changes)}): {CURE}"
        )


def refuse_edited(study: optuna.Study, kept: StudyRecord, now: StudyRecord) -> None:
    """UsageError for an own model, loss or metric that was written otherwise: no two trials could
    be compared."""
    for role, before in kept.objects.items():
        after = now.objects.get(role)
        turned = role == "metric" and kept.direction != now.direction
        if turned or (before and after and before != after):
            raise UsageError(
                f"study {study.study_name!r} began with another text of its {role} than "
                f"{_home(getattr(now.task, role))} holds now, with which its trials can't be "
                f"compared: {CURE}, or put the earlier text back"
            )


def refuse_edited_space(study: optuna.Study, kept: StudyRecord, now: StudyRecord) -> None:
    """UsageError for a search space of the same name that was written otherwise."""
    before, after = kept.space_fingerprint, now.space_fingerprint
    if before and after and before != after:
        raise UsageError(
            f"study {study.study_name!r} began with another text of its search space than "
            f"{now.sources[0] if now.sources else now.space} holds now: {CURE}, or go on with the "
            "text of now by --edited-space accept"
        )


def _moved(role: str, kept: StudyRecord, now: StudyRecord) -> bool:
    """Whether two names of own objects stand for one, in a file that lies elsewhere by now."""
    names: list[Any] = [getattr(record.task, role).rpartition(":")[2] for record in (kept, now)]
    before, after = kept.objects.get(role), now.objects.get(role)
    return names[0] == names[1] and bool(before) and before == after


def _home(text: str) -> str:
    return text.rpartition(":")[0]
