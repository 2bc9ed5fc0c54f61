"""The figures of variance ratios: data by hand, and axes that hold all of them."""

from __future__ import annotations

import math

from reference.literal_trials import tuned

from vrtune import SGD, SVRG, TrialConfig
from vrtune.figures.variance import compute, curves, draw
from vrtune.studies.diagnosed import Diagnosis, Reading


def reading(
    epoch: float, share: float, ratio: float | None, distance: float | None = None
) -> Reading:
    return Reading(
        epoch=epoch,
        share=share,
        ratio=ratio,
        variance=None,
        gradient_variance=None,
        gradient_norm=None,
        distance=distance,
        curvature=None if distance is None else 1 / distance,
    )


def diagnosis(*readings: Reading) -> Diagnosis:
    return Diagnosis(
        trial=3,
        config=TrialConfig(estimator=SVRG(), optimizer=SGD(lr=0.1)),
        model="lenet",
        gradient_quotient=1.0,
        readings=readings,
        train_losses=(1.0,),
    )


FOUND = diagnosis(
    reading(0.5, 0.1, 0.01),
    reading(5.0, 1.0, 0.8),
    reading(5.5, 0.1, 0.02),
    reading(10.0, 1.0, None),
)


def drawn(*readings: Reading) -> list:
    data = compute(diagnosis(*readings))
    assert data is not None
    return draw(data)


def test_a_curve_a_share_without_what_diverged() -> None:
    assert curves(FOUND) == {0.1: ([0.5, 5.5], [0.01, 0.02]), 1.0: ([5.0], [0.8])}


def test_plain_gradients_of_a_study_have_no_figure() -> None:
    plain = diagnosis(reading(0.5, 0.1, 1.0), reading(1.0, 1.0, None))
    assert compute(tuned([], diagnosis=plain)) is None
    assert compute(plain) is not None  # who asks for it alone, gets it
    assert compute(tuned([], diagnosis=FOUND)) is not None


def test_distance_and_curvature_where_there_are_any() -> None:
    assert [p.name for p in drawn(*FOUND.readings)] == ["variance-ratio"]
    panels = drawn(reading(0.5, 0.1, 0.01, distance=4.0))
    names = [panel.name for panel in panels]
    assert names == ["variance-ratio", "variance-distance", "variance-curvature"]
    assert [panel.figure.data[0].y for panel in panels] == [(0.01,), (4.0,), (0.25,)]
    assert panels[1].columns == ("share_of_way", "epoch", "distance")
    assert panels[1].rows == [(0.1, 0.5, 4.0)]


def test_a_study_with_a_diagnosis_and_one_without() -> None:
    data = compute(tuned([], label="<b>svrg", diagnosis=FOUND))
    assert data is not None
    (panel,) = draw(data)
    assert (panel.study, panel.title) == ("<b>svrg-study", "<b>svrg, trial 3: variance ratio")
    assert compute(tuned([])) is None
    assert compute(diagnosis()) is None
    assert compute(diagnosis(reading(1.0, 1.0, None))) is None
    assert compute(FOUND, "mine").title == "mine"  # type: ignore[union-attr]


def test_no_axis_cuts_anything_off() -> None:
    ratios, distances = (1e-7, 0.5, 1e4), (1e-3, 5.0, 900.0)
    panels = drawn(*[reading(1.0, s, r, s) for s, r in zip(distances, ratios, strict=True)])
    low, high = panels[0].figure.layout.yaxis.range
    assert low < -7 < 4 < high
    low, high = panels[1].figure.layout.yaxis.range
    assert low < -3 < math.log10(900) < high
    (panel,) = drawn(reading(1.0, 1.0, 0.9))  # what is marked is seen, too
    low, high = panel.figure.layout.yaxis.range
    assert low < math.log10(1 / 3) < 0 < high


def test_one_and_a_third_are_marked() -> None:
    (panel,) = drawn(*FOUND.readings)
    assert [shape.y0 for shape in panel.figure.layout.shapes] == [1.0, 1 / 3]
    axis = panel.figure.layout.yaxis
    said = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert (said["1"], said["1/3"]) == (1.0, 1 / 3)
    assert len(said) == len(axis.tickvals)


def test_a_ratio_of_zero_is_seen_at_the_end_of_the_log_axis() -> None:
    (panel,) = drawn(reading(1.0, 0.1, 0.0), reading(2.0, 0.1, 0.5), reading(1.0, 0.5, 0.0))
    line, zeros, *_ = panel.figure.data
    assert line.y == (None, 0.5)
    assert zeros.name == "0"
    assert zeros.x == (1.0,)
    assert math.log10(zeros.y[0]) == panel.figure.layout.yaxis.range[0]
    assert [t.showlegend for t in panel.figure.data if t.name == "0"] == [True, False]
    assert (0.1, 1.0, 0.0) in panel.rows


def test_nothing_but_zeros_is_drawn_too() -> None:
    (panel,) = drawn(reading(1.0, 0.1, 0.0))
    assert panel.figure.data[0].y == (0.0,)
    assert panel.figure.layout.yaxis.type != "log"


def test_side_by_side_axes_and_colours_are_shared() -> None:
    small, large = compute(FOUND, "small"), compute(diagnosis(reading(9.0, 0.5, 1e3)), "large")
    assert small is not None
    assert large is not None
    (one,), (two,) = draw(small, [large]), draw(large, [small])
    assert one.figure.layout.yaxis.range == two.figure.layout.yaxis.range
    by_share = {t.name: t.line.color for panel in (one, two) for t in panel.figure.data}
    assert len(set(by_share.values())) == 3
