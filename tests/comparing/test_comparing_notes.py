"""What is to be borne in mind: a method whose estimate turned out to be the plain gradient."""

from __future__ import annotations

import pytest
from reference.literal_trials import tuned

from vrtune import SGD, STORM, Plain, TrialConfig
from vrtune.comparing.notes import notes
from vrtune.studies.diagnosed import Diagnosis, Reading
from vrtune.units import EstimatorSettings

TOLD = "trial 3 had the variance of plain gradients at all 2 points measured"


def diagnosis(estimator: EstimatorSettings, *ratios: float | None) -> Diagnosis:
    nothing = dict.fromkeys(
        ("variance", "gradient_variance", "gradient_norm", "distance", "curvature")
    )
    return Diagnosis(
        trial=3,
        config=TrialConfig(
            estimator=estimator, optimizer=SGD(lr=None if estimator.sets_step_size else 0.1)
        ),
        model="lenet",
        gradient_quotient=None,
        readings=[Reading(epoch=1.0, share=0.5, ratio=ratio, **nothing) for ratio in ratios],
        train_losses=(1.0,),
    )


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (diagnosis(STORM(), 1.0, None, 1.0), True),
        (diagnosis(STORM(), 1.0, 0.9), False),
        (diagnosis(STORM(), None), False),
        (diagnosis(Plain(), 1.0, 1.0), False),  # it never promised anything else
        (None, False),
    ],
)
def test_an_estimate_that_is_the_plain_gradient_is_told(
    found: Diagnosis | None, told: bool
) -> None:
    said = notes([tuned([], diagnosis=found)], "sqlite:///studies.db")
    assert any(TOLD in note.text for note in said) == told
