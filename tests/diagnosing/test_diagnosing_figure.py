"""The figure of variance ratios: its data by hand, its panels by count."""

from __future__ import annotations

from vrtune import SGD, SVRG, TrialConfig
from vrtune.diagnosing.figure import compute, draw
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


DIAGNOSIS = Diagnosis(
    trial=3,
    config=TrialConfig(estimator=SVRG(), optimizer=SGD(lr=0.1)),
    model="lenet",
    gradient_quotient=1.0,
    readings=(
        reading(0.5, 0.1, 0.01),
        reading(5.0, 1.0, 0.8),
        reading(5.5, 0.1, 0.02),
        reading(10.0, 1.0, None),
    ),
    train_losses=(1.0,),
)


def test_a_curve_a_share_without_what_diverged() -> None:
    assert compute(DIAGNOSIS) == {0.1: ([0.5, 5.5], [0.01, 0.02]), 1.0: ([5.0], [0.8])}


def test_a_panel_a_training_and_one_legend() -> None:
    figure = draw([("small", DIAGNOSIS), ("large", DIAGNOSIS)])
    assert len(figure.data) == 4
    assert [line.showlegend for line in figure.data] == [True, True, False, False]
    shaded = [shape for shape in figure.layout.shapes if shape.type == "rect"]
    marked = [shape for shape in figure.layout.shapes if shape.type == "line"]
    assert [(s.y0, s.y1) for s in shaded] == [(1, 100)] * 2
    assert [s.y0 for s in marked] == [1 / 3] * 2


def test_distance_and_curvature_lie_below_where_there_are_any() -> None:
    moved = DIAGNOSIS.model_copy(update={"readings": (reading(0.5, 0.1, 0.01, distance=4.0),)})
    assert compute(moved, "distance") == {0.1: ([0.5], [4.0])}
    assert compute(moved, "curvature") == {0.1: ([0.5], [0.25])}
    figure = draw([("moved", moved), ("without", DIAGNOSIS)])
    titles = [axis.title.text for axis in figure.select_yaxes(col=1)]
    assert titles == ["Var(estimate) / Var(gradient)", "distance to the snapshot", "curvature"]
    assert [axis.type for axis in figure.select_yaxes(col=1)] == ["log", None, "log"]
    assert [line.y[0] for line in figure.data] == [0.01, 0.01, 0.8, 4.0, 0.25]
    assert len([shape for shape in figure.layout.shapes if shape.type == "rect"]) == 2


def test_a_title_is_no_html() -> None:
    """Which plotly would read: the kind of a unit is a user's own word."""
    figure = draw([("<b>bold</b> & <a href='x'>link</a>", DIAGNOSIS)])
    assert figure.layout.annotations[0].text == (
        "&lt;b&gt;bold&lt;/b&gt; &amp; &lt;a href=&#x27;x&#x27;&gt;link&lt;/a&gt;"
    )
