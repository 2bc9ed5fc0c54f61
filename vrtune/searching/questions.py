"""Asks a space for the settings of trials: one that it can't answer costs that trial alone."""

from __future__ import annotations

import optuna
from pydantic_core import PydanticSerializationError

from vrtune.errors import UsageError
from vrtune.events import Finished
from vrtune.searching.entry import Entry
from vrtune.spaces import Space
from vrtune.spaces.points import holds
from vrtune.studies.leases import queued_values

MOST_FAILED = 3  # in a row: it is the space that is wrong, not a trial
MOST_PRUNED = 1000  # in a row, with none that was trained
REASON = 500  # characters that a trial keeps of why it failed


class Questions:
    """Puts trials to a space, and keeps count of those in a row that came to nothing."""

    def __init__(self, space: Space, *, only_queued: bool = False) -> None:
        """Values that somebody queued are no fault of the space, unless `only_queued` ones run."""
        self.space, self.only_queued = space, only_queued
        self.open: int | None = None  # the trial that the space is asked about now
        self.failed = self.pruned = 0  # in a row
        self.last = ""  # why the last one failed

    def ask(self, trial: optuna.Trial) -> Entry | Finished:
        """The trial with its settings; or how it ended: `failed`, with the reason, where the space
        raises or was given impossible values, `pruned` where it raises TrialPruned."""
        given = queued_values(trial)
        try:
            self.open = trial.number
            config = self.space.suggest(trial)
            _refuse_outside(trial, given)
            config.model_dump(mode="json")  # a unit of the user's may hold what can't be kept
        except optuna.TrialPruned as pruned:
            self.pruned += 1
            return _ended(trial, "pruned", str(pruned))
        except (UsageError, PydanticSerializationError) as error:
            self.last = " ".join(str(error).split())[:REASON]
            self.failed += self.only_queued or not given
            return _ended(trial, "failed", self.last)
        finally:
            self.open = None
        self.failed = self.pruned = 0
        return Entry(trial, config)

    def hopeless(self) -> str | None:
        """Why no other trial is worth asking for, if so many in a row came to nothing."""
        if self.failed >= MOST_FAILED:
            return f"{self.failed} trials in a row failed, the last because {self.last}"
        if self.pruned >= MOST_PRUNED:
            return f"{self.space.path}: suggest(trial) pruned {self.pruned} trials in a row"
        return None


def _ended(trial: optuna.Trial, state: str, reason: str) -> Finished:
    return Finished(number=trial.number, state=state, params=dict(trial.params), reason=reason)


def _refuse_outside(trial: optuna.Trial, given: dict[str, object]) -> None:
    """UsageError for a queued value out of its range, which Optuna lets through."""
    for name, allowed in trial.distributions.items():
        if name in given and not holds(allowed, given[name]):
            raise UsageError(
                f"it was queued with {name} = {given[name]!r}, which is out of the range that "
                "suggest gives it"
            )
