"""What a study keeps of a diagnosis: the variance of an estimate, measured in a training."""

from __future__ import annotations

import optuna
from pydantic import ValidationError

from vrtune.config import Settings
from vrtune.trial_config import TrialConfig

ATTRIBUTE = "diagnosis-{}"  # of the study: a finished trial's own can't be changed


class Reading(Settings):
    """What was measured at one moment; null where a method has no snapshot."""

    epoch: float
    share: float  # of the way between snapshots; of the epoch without any
    ratio: float | None  # Var(estimate) / Var(g(w; B))
    variance: float | None
    gradient_variance: float | None
    gradient_norm: float | None
    distance: float | None
    curvature: float | None


class Diagnosis(Settings):
    """A training's readings, in the order they were taken."""

    trial: int
    config: TrialConfig
    model: str
    gradient_quotient: float | None  # after the initialisation; null if not measured
    readings: tuple[Reading, ...]
    train_losses: tuple[float | None, ...]

    @property
    def is_plain(self) -> bool:
        """Whether the estimate was the gradient itself wherever it was measured."""
        return all(reading.ratio in (None, 1.0) for reading in self.readings)

    @property
    def promised_in_vain(self) -> bool:
        """Whether it was, of a method that promises another: of STORM, where a = 1."""
        measured = any(reading.ratio is not None for reading in self.readings)
        return measured and self.is_plain and self.config.estimator.kind != "plain"


def keep(study: optuna.Study, found: Diagnosis) -> None:
    """Makes the study remember it."""
    study.set_user_attr(ATTRIBUTE.format(found.trial), found.model_dump(mode="json"))


def diagnosed(study: optuna.Study, number: int) -> Diagnosis | None:
    """What the study remembers of a trial's diagnosis."""
    kept = study.user_attrs.get(ATTRIBUTE.format(number))
    try:
        return Diagnosis.model_validate(kept) if kept else None
    except ValidationError:  # not what vrtune wrote, or a method of the user's own
        return None
