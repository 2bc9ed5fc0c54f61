"""Studies at a glance, whoever made them."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.trial import FrozenTrial

from vrtune.config import Settings
from vrtune.errors import UsageError
from vrtune.studies.alive import alive, is_identity
from vrtune.studies.choice import ranked
from vrtune.studies.counts import Counts, count, states
from vrtune.studies.leases import WORKER
from vrtune.studies.outcome import value
from vrtune.studies.record import best_value, read_record


class Glance(Settings):
    """A study in a line; what only vrtune's own studies remember is None in others."""

    study: str
    space: str | None
    dataset: str | None
    model: str | None
    trials: Counts
    state: str
    best: float | None  # of the trial that is chosen
    metric: str | None = None  # what that is
    direction: str | None = None  # which values are better


def glance(study: optuna.Study) -> Glance:
    """A study in a line."""
    trials = study.get_trials(deepcopy=False)
    try:
        record = read_record(study)
    except UsageError:
        record = None
    chosen = ranked(study) if record else []
    return Glance(
        study=study.study_name,
        space=record.space if record else None,
        dataset=record.task.dataset if record else None,
        model=record.task.model if record else None,
        trials=count(trials),
        state=state(trials),
        best=value(chosen[0]) if chosen else best_value(study),
        metric=record.metric if record else None,
        direction=record.direction if record else None,
    )


def state(trials: Sequence[FrozenTrial]) -> str:
    """How many trials are in which state, and whether someone searches just now."""
    counts, known = count(trials).model_dump(), holders(trials)
    gone = known.count(False)
    counts["running"] -= gone
    parts = [f"{number} {name}" for name, number in counts.items() if number]
    parts += [f"{gone} cut off"] if gone else []
    parts += ["searching now"] if True in known else []
    return ", ".join(parts) or "no trials"


def holders(trials: Sequence[FrozenTrial]) -> list[bool | None]:
    """Of each running trial, whether the process that holds it lives; None where nobody knows."""
    found, signs = states(trials), {trial.number: trial.user_attrs.get(WORKER) for trial in trials}
    running = [signs[number] for number, state in found.items() if state == "running"]
    return [alive(sign) if is_identity(sign) else None for sign in running]
