"""The goal of a study: how many trials it is to have, and what they may cost, whoever trains them.

Each search that begins raises it. All processes that train trials of the study, on whatever
machine, count them by themselves, one after another, so that together they start no more.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TypeVar

import optuna
from optuna.trial import FrozenTrial, TrialState
from pydantic import Field, ValidationError

from vrtune.config import Settings
from vrtune.storages.locks import GivenUp, locked
from vrtune.studies.alive import is_identity
from vrtune.studies.leases import CUT_OFF, WORKER
from vrtune.studies.outcome import spent

GOAL = "vrtune:goal"  # the study's system attribute that holds it: it is read for each trial

N = TypeVar("N", int, float)


class Goal(Settings):
    """What a study is to have, all together; None: no limit."""

    trials: int | None = Field(default=None, ge=0)  # as `counted` does
    gradient_computations: float | None = Field(default=None, ge=0)

    def left(self, trials: Sequence[FrozenTrial]) -> int:
        """How many more may start where there are these trials; sys.maxsize: any number."""
        most = self.gradient_computations
        if most is not None and spent(trials) >= most:
            return 0
        return sys.maxsize if self.trials is None else max(0, self.trials - counted(trials))


def counted(trials: Sequence[FrozenTrial]) -> int:
    """The trials that count: those in training and those that ended, but for those that were cut
    off, whose places others take."""
    return sum(
        trial.state is not TrialState.WAITING
        and not (trial.state is TrialState.FAIL and trial.user_attrs.get(CUT_OFF) is True)
        for trial in trials
    )


def goal_of(study: optuna.Study) -> Goal | None:
    """The goal of a study; None where no search has set one, as in those of older versions."""
    try:
        kept = study._storage.get_study_system_attrs(study._study_id).get(GOAL)
        return Goal.model_validate(kept)
    except ValidationError:
        return None


def raise_goal(
    study: optuna.Study, trials: int | None, budget: float | None = None, *, others: bool
) -> Goal:
    """Sets a goal: so many more trials, and gradient computations, than the study has; or, where
    `others` search it, than it is to have for them. None: no limit."""
    with locked(study, "to set a goal"):
        there = study.get_trials(deepcopy=False)
        has = Goal(trials=counted(there), gradient_computations=spent(there))
        before = (goal_of(study) if others else None) or has
        goal = Goal(
            trials=_sum(before.trials, has.trials, trials),
            gradient_computations=_sum(
                before.gradient_computations, has.gradient_computations, budget
            ),
        )
        _keep(study, goal)
    return goal


def close(study: optuna.Study) -> None:
    """Has no other trial of a study start: those in training are its last."""
    with locked(study, "to set a goal"):
        if left(study):
            _keep(study, Goal(trials=counted(study.get_trials(deepcopy=False))))


def left(study: optuna.Study) -> int:
    """How many more trials of a study may start by its goal; 0 where it has none."""
    goal = goal_of(study)
    return goal.left(study.get_trials(deepcopy=False)) if goal else 0


def held(study: optuna.Study) -> int:
    """How many trials are in training, in processes of vrtune that live, or may: one that has just
    asked for a trial signs it next, and may have been killed before."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return sum(
        is_identity(trial.user_attrs.get(WORKER))
        or not (trial.params or WORKER in trial.user_attrs)
        for trial in running
    )


def reached(study: optuna.Study) -> bool:
    """Whether a study has all that it is to have: none may start, and none is in training."""
    return not left(study) and not held(study)


@contextmanager
def in_turn(study: optuna.Study, giving_up: Callable[[], bool] = lambda: False) -> Iterator[bool]:
    """Whether another trial may start; it is to be asked for inside, while nobody else can. Who is
    `giving_up` while others are at it is told no."""
    with ExitStack() as turn:
        try:
            turn.enter_context(locked(study, "to take a trial", giving_up))
        except GivenUp:
            yield False
            return
        yield left(study) > 0


def _keep(study: optuna.Study, goal: Goal) -> None:
    study._storage.set_study_system_attr(study._study_id, GOAL, goal.model_dump(mode="json"))


def _sum(before: N | None, has: N | None, more: N | None) -> N | None:
    """None for no limit, as soon as one has none."""
    if before is None or has is None or more is None:
        return None
    return max(before, has) + more
