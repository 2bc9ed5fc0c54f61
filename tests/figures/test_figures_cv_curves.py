"""CV curves: which trials are strong, where curves end, that nothing is left out."""

from __future__ import annotations

import csv
import io
import math

import pytest
from reference.literal_trials import tried, tuned

from vrtune.comparing.tried import Tried
from vrtune.figures.cv_curves import ENDS, STRONG, compute, draw

NAN = math.nan


def trial(number: int, *means: float, state: str = "complete", **params: float) -> Tried:
    """Of two folds, .1 below and above the mean."""
    losses = {epoch: (mean - 0.1, mean + 0.1) for epoch, mean in enumerate(means, 1)}
    value = means[-1] if state == "complete" else None
    return tried(number, state, params or {"lr": 0.1}, value=value, losses=losses)


def test_means_and_folds_over_epochs() -> None:
    found = compute(tuned([trial(0, 1.0, 0.5, lr=0.25)], choice=0))
    assert found is not None
    (curve,) = found.curves
    assert (curve.trial, curve.setting, curve.place) == (0, "lr=0.25", 0)
    assert curve.mean == ((1, 1.0), (2, 0.5))
    assert curve.folds == (((1, 0.9), (2, 0.4)), ((1, 1.1), (2, 0.6)))


def test_the_choice_comes_first_though_others_have_less() -> None:
    """It was confirmed on fresh starts, which these losses do not show."""
    found = compute(tuned([trial(i, 0.3 + i / 10) for i in range(8)], choice=3))
    assert found is not None
    assert [c.trial for c in found.curves if c.place is not None] == [3, 0, 1, 2, 4]
    assert [c.trial for c in found.curves if c.place is None] == [5, 6, 7]
    assert [bool(c.folds) for c in found.curves] == [True] * STRONG + [False] * 3


def test_a_curve_ends_where_it_was_pruned_and_where_it_is_no_longer_finite() -> None:
    trials = [
        trial(0, 1.0, 0.5, 0.4),
        trial(1, 1.0, 0.9, state="pruned"),
        tried(2, "diverged", losses={1: (2.0, 4.0), 2: (5.0, NAN), 3: (6.0, 6.0)}),
        tried(3, "diverged", losses={1: (NAN, NAN)}),
        tried(4, "queued"),
        tried(5, "pruned", losses={1: (1e200, math.inf)}),
    ]
    found = compute(tuned(trials, choice=0))
    assert found is not None
    assert {c.trial: c.mean for c in found.curves} == {
        0: ((1, 1.0), (2, 0.5), (3, 0.4)),
        1: ((1, 1.0), (2, 0.9)),
        2: ((1, 3.0),),
    }
    assert found.unseen == 1
    (panel,) = draw(found)
    behind = panel.figure.data[0]
    assert behind.x == (1, 2, None, 1, None)
    assert behind.y == (1.0, 0.9, None, 3.0, None)
    assert behind.marker.symbol[1] == ENDS["pruned"]
    assert behind.marker.symbol[3] == ENDS["diverged"]
    assert [size > 0 for size in behind.marker.size] == [False, True, False, True, False]
    assert "with a tick where one was pruned and a cross where one diverged." in panel.how
    assert panel.how.endswith("1 more diverged within the first epoch.")


def test_a_fold_that_diverged_ends_alone() -> None:
    known = tried(0, value=1.0, losses={1: (1.0, 3.0), 2: (1.0, NAN)})
    found = compute(tuned([known], choice=0))
    assert found is not None
    assert found.curves[0].mean == ((1, 2.0),)
    assert found.curves[0].folds == (((1, 1.0), (2, 1.0)), ((1, 3.0),))


@pytest.mark.parametrize("lowest", [0.5, 0.01])
def test_losses_that_span_much_get_a_log_axis(lowest: float) -> None:
    known = tried(0, value=lowest, losses={1: (1.0,), 2: (lowest,)})
    found = compute(tuned([known], choice=0))
    assert found is not None
    (panel,) = draw(found)
    assert panel.figure.layout.yaxis.type == ("log" if lowest < 0.1 else None)
    assert panel.figure.layout.yaxis.range is None


def test_one_part_has_no_folds() -> None:
    found = compute(tuned([tried(0, value=0.5, losses={1: (0.5,)})], choice=0))
    assert found is not None
    assert found.curves[0].folds == ()
    assert "folds;" not in draw(found)[0].how


def test_a_choice_without_a_curve_gives_its_place_to_none() -> None:
    found = compute(tuned([tried(0, value=0.5), trial(1, 0.6)], choice=0))
    assert found is not None
    (curve,) = found.curves
    assert (curve.trial, curve.place, curve.brief) == (1, 1, "1: lr=0.1")


def test_long_names_are_cut_in_the_legend_alone() -> None:
    names = {"rate_of_the_first_layer_here": 0.25, "rate_of_the_other_layer_here": 0.5}
    found = compute(tuned([trial(0, 1.0, **names)], choice=0))
    assert found is not None
    (curve,) = found.curves
    assert curve.setting == "rate_of_the_first_layer_here=0.25, rate_of_the_other_layer_here=0.5"
    assert curve.brief == "0: rate_…r_here=0.25, rate_…r_here=0.5"  # the mark gives way to values


def test_no_panel_without_a_choice_or_a_curve() -> None:
    assert compute(tuned([trial(0, 1.0, state="pruned")])) is None
    assert compute(tuned([tried(0, value=0.5)], choice=0)) is None
    assert compute(tuned([])) is None


def test_the_table_is_what_is_drawn() -> None:
    trials = [trial(i, 1.0, 0.5 + i / 10) for i in range(STRONG)]
    trials.append(trial(STRONG, 1.0, state="pruned"))
    found = compute(tuned(trials, choice=0))
    assert found is not None
    (panel,) = draw(found)
    drawn = [
        (x, y) for t in panel.figure.data for x, y in zip(t.x, t.y, strict=True) if x is not None
    ]
    table = list(csv.DictReader(io.StringIO(panel.csv())))
    assert sorted(drawn) == sorted((int(r["epoch"]), float(r["validation_loss"])) for r in table)
    assert (panel.name, panel.study) == ("cv-curves", "sgd-study")
    assert {r["drawn"] for r in table} == {"chosen", "strong", "behind"}


def test_names_are_no_html_no_template_and_no_formula() -> None:
    evil = "<b>%{x}</b>$a$"
    known = tried(0, params={evil: "<i>"}, value=0.5, losses={1: (0.5,), 2: (0.4,)})
    others = [tried(i, params={evil: "<i>"}, value=1.0, losses={1: (1.0,)}) for i in range(1, 9)]
    found = compute(tuned([known, *others], label=evil, choice=0))
    assert found is not None
    (panel,) = draw(found)
    drawn = panel.figure.to_json()
    assert all(text not in drawn for text in ("<b>", "<i>", "\\u003cb\\u003e", "$a$", "b\\u003e%{"))
    assert "&lt;b&gt;&#37;{x}" in drawn.replace("\\u0026", "&")
    assert f"{evil}=<i>" in panel.csv()
    assert panel.title.startswith(evil)


def test_the_legend_names_every_strong_trial_and_counts_the_others() -> None:
    found = compute(tuned([trial(i, 0.5 + i) for i in range(7)], choice=1))
    assert found is not None
    (panel,) = draw(found)
    names = [trace.name for trace in panel.figure.data if trace.showlegend is not False]
    assert names[0] == "1 (chosen): lr=0.1"
    assert [name.partition(":")[0] for name in names[1:]] == ["0", "2", "3", "4", "2 other trials"]
    looks = {(t.line.color, t.line.dash) for t in panel.figure.data if t.showlegend is not False}
    assert len(looks) == len(names)
