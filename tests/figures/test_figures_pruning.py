"""What pruning saved: sums by hand."""

from __future__ import annotations

import pytest
from reference.literal_trials import tried, tuned

from vrtune.figures.pruning import compute, draw
from vrtune.figures.style import look

# A snapshot in the first epoch makes it dearer
FULL = tried(0, value=1.0, losses={4: (1.0,)}, costs={1: 40.0, 2: 60.0, 4: 100.0}, spent=100.0)
PRUNED = tried(1, "pruned", losses={1: (2.0,)}, costs={1: 40.0}, spent=40.0)


def test_a_pruned_trial_would_have_gone_on_as_complete_ones_did() -> None:
    found = compute([tuned([FULL, PRUNED])])
    assert found is not None
    (spent,) = found
    assert spent.spent == {"complete": 100.0, "pruned": 40.0, "diverged": 0.0, "failed": 0.0}
    assert spent.saved == pytest.approx(60.0)
    assert spent.share == pytest.approx(60 / 200)


def test_between_judged_epochs_costs_lie_on_a_line() -> None:
    later = tried(1, "pruned", losses={3: (2.0,)}, spent=80.0)
    found = compute([tuned([FULL, later])])
    assert found is not None
    assert found[0].saved == pytest.approx(20.0)


def test_dearer_settings_would_have_cost_more() -> None:
    dear = tried(1, "pruned", losses={1: (2.0,)}, spent=80.0)
    cheap = tried(2, value=2.0, losses={4: (1.0,)}, costs={1: 25.0, 4: 75.0}, spent=75.0)
    found = compute([tuned([FULL, dear, cheap])])  # 2.5 and 3 times as much in all
    assert found is not None
    assert found[0].saved == pytest.approx(80 * 1.75)


def test_trials_that_ended_otherwise_save_nothing() -> None:
    others = [
        tried(2, "diverged", losses={1: (2.0,)}, spent=7.0),
        tried(3, "failed", spent=5.0),
        tried(4, "interrupted", spent=3.0),
        tried(5, "running", spent=1000.0),
        tried(6, "queued"),
    ]
    found = compute([tuned([FULL, PRUNED, *others])])
    assert found is not None
    assert found[0].spent == {"complete": 100.0, "pruned": 40.0, "diverged": 7.0, "failed": 8.0}
    assert found[0].trials == {"complete": 1, "pruned": 1, "diverged": 1, "failed": 2}
    assert found[0].saved == pytest.approx(60.0)


def test_without_complete_trials_nothing_is_known() -> None:
    found = compute([tuned([PRUNED])])
    assert found is not None
    assert (found[0].saved, found[0].share) == (None, None)
    (panel,) = draw(found)
    assert "no complete trial" in panel.figure.data[-1].text[0]
    assert panel.rows[-1][-1] is None


def test_nothing_pruned_no_figure() -> None:
    assert compute([tuned([FULL])]) is None
    assert compute([]) is None


def test_parts_lie_one_behind_the_other_in_the_method_s_colour() -> None:
    found = compute([tuned([FULL], label="<b>sgd"), tuned([FULL, PRUNED], label="svrg")])
    assert found is not None
    (panel,) = draw(found)
    bars = [t for t in panel.figure.data if t.type == "bar" and t.showlegend is False]
    assert [(bar.legendgroup, bar.base[1], bar.x[1]) for bar in bars] == [
        ("complete", 0.0, 100.0),
        ("pruned", 100.0, 40.0),
        ("saved by pruning", 140.0, pytest.approx(60.0)),
    ]
    assert bars[2].marker.line.color == (look(0).colour, look(1).colour)
    heads = panel.figure.data[-1].text
    assert heads == (
        "<b>&lt;b&gt;sgd</b>: nothing was pruned",
        "<b>svrg</b>: 30&#37; saved",
    )
    assert "<b>sgd," in panel.csv()
    assert [row[2:] for row in panel.rows[-5:]] == [
        ("complete", 1, 100.0),
        ("pruned", 1, 40.0),
        ("diverged", 0, 0.0),
        ("failed", 0, 0.0),
        ("saved", 1, pytest.approx(60.0)),
    ]


def test_nothing_costs_less_than_nothing() -> None:
    """A damaged trial can say so; its bar would push all names off the figure."""
    found = compute([tuned([FULL, PRUNED, tried(2, "failed", spent=-5.0)])])
    assert found is not None
    assert found[0].spent["failed"] == 0.0
