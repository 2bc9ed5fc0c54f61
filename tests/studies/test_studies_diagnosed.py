"""A diagnosis that a study keeps, and what others wrote in its place."""

from __future__ import annotations

import optuna
import pytest

from vrtune import SGD, TrialConfig
from vrtune.studies.diagnosed import ATTRIBUTE, Diagnosis, Reading, diagnosed, keep

READING = Reading(
    epoch=1.0, share=0.5, ratio=0.3, variance=0.3, gradient_variance=1.0,
    gradient_norm=None, distance=None, curvature=None,
)  # fmt: skip
FOUND = Diagnosis(
    trial=3,
    config=TrialConfig(optimizer=SGD(lr=0.1)),
    model="lenet",
    gradient_quotient=None,
    readings=(READING,),
    train_losses=(1.0, None),
)


def test_it_is_read_as_it_was_kept() -> None:
    study = optuna.create_study()
    keep(study, FOUND)
    assert diagnosed(study, 3) == FOUND
    assert diagnosed(study, 2) is None


@pytest.mark.parametrize("written", ["text", 5, {"trial": 3}, [1], {"readings": "x"}])
def test_what_others_wrote_is_no_diagnosis(written: object) -> None:
    study = optuna.create_study()
    study.set_user_attr(ATTRIBUTE.format(3), written)
    assert diagnosed(study, 3) is None
