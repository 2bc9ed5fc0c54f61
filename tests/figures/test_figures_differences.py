"""Paired differences: which pairs are drawn, on whose side of zero, how sure."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from reference.literal_trials import tried, tuned

from vrtune.comparing.evidence import Difference
from vrtune.comparing.reasons import Reason
from vrtune.comparing.tuned import Tuned
from vrtune.figures.differences import ROW_PX, Forest, compute, draw
from vrtune.figures.style import look
from vrtune.studies.retrained import Retrained, spread

PLACES = {"sgd": 0, "adam": 1, "svrg": 2}


def pair(first: str = "sgd", second: str = "adam", **changes: Any) -> Difference:
    given = {"first": first, "second": second, "kind": "folds", "measure": "validation loss"}
    given |= {
        "direction": "minimize",
        "n": 4,
        "repeats": 1,
        "mean": -0.2,
        "low": -0.3,
        "high": -0.1,
        "p": 0.01,
    }
    return Difference.model_validate({**given, "p_holm": 0.02, **changes})


def forest(*pairs: Difference, **changes: Any) -> Forest:
    return replace(Forest(pairs[0].kind, pairs, PLACES), **changes)


def method(label: str, *losses: float, test: tuple[float, ...] = (), seed: int = 1) -> Tuned:
    """A complete trial of four folds."""
    one = tried(0, value=sum(losses) / 4, losses={1: losses}, spent=100.0)
    known = tuned([one], label=label, choice=0)
    task = known.record.task.model_copy(update={"seed": seed})
    known = replace(known, record=known.record.model_copy(update={"task": task}))
    if not test:
        return known
    again = Retrained(
        trial=0,
        seeds=len(test),
        test_accuracy=spread(list(test)),
        test_loss=spread(list(test)),
        train_losses=[],
        gradient_computations=1.0,
    )
    return replace(known, again=again)


def rows_of(panel: Any) -> list[tuple[str, str]]:
    """The names at both sides of each row."""
    texts = [a.text for a in panel.figure.layout.annotations if a.text != "not compared"]
    return [
        (left.removeprefix("← "), right.removesuffix(" →"))
        for left, right in zip(texts[::2], texts[1::2], strict=True)
    ]


def marks_of(panel: Any) -> list[Any]:
    return [t for t in panel.figure.data if t.mode == "markers"]


def test_every_pair_of_few_methods_in_each_way() -> None:
    found = compute(
        [
            method("sgd", 0.5, 0.6, 0.4, 0.5, test=(0.8, 0.9)),
            method("adam", 0.3, 0.35, 0.2, 0.25, test=(0.85, 0.97)),
        ]
    )
    assert found is not None
    assert [f.kind for f in found] == [
        *("folds", "seeds", "equal trials", "equal gradient computations"),
    ]
    (by_fold,), (by_seed,) = found[0].pairs, found[1].pairs
    assert by_fold.mean == pytest.approx(0.225)
    assert by_seed.mean == pytest.approx(-0.06)
    panels = draw(found)
    assert [panel.name for panel in panels] == [
        *("differences-by-fold", "differences-by-seed"),
        *("differences-at-equal-trials", "differences-at-equal-gradients"),
    ]
    assert rows_of(panels[0]) == [("sgd", "adam")]  # the loss of sgd is higher: right of zero
    assert rows_of(panels[1]) == [("adam", "sgd")]  # its accuracy is lower: left of zero
    for panel in panels:
        (mark,) = marks_of(panel)
        assert mark.marker.color == look(1).colour  # adam is better in all of them
    assert "the losses that their choice was made by" in panels[0].how
    assert "After 1 trials of each." in panels[2].how


def test_a_way_in_which_nothing_can_be_compared_has_no_panel() -> None:
    found = compute([method("sgd", 0.5, 0.6, 0.4, 0.5), method("adam", 0.3, 0.35, 0.2, 0.2)])
    assert found is not None
    assert "seeds" not in [f.kind for f in found]
    assert (
        compute([method("sgd", 0.5, 0.6, 0.4, 0.5), method("b", 0.1, 0.2, 0.3, 0.4, seed=2)])
        is None
    )
    assert compute([method("sgd", 0.5, 0.6, 0.4, 0.5)]) is None
    assert compute([tuned([]), tuned([], label="b")]) is None
    assert compute([]) is None


def test_of_many_methods_the_pairs_with_the_best_which_stands_left() -> None:
    methods = [
        method(f"m{i}", *(0.5 + abs(i - 4) / 10 + f / 100 for f in (0, 3, 1, i))) for i in range(8)
    ]
    found = compute(methods)
    assert found is not None
    by_fold = found[0]
    assert by_fold.best == "m4"
    assert [(d.first, d.second) for d in by_fold.pairs] == [
        ("m4", f"m{i}") for i in range(8) if i != 4
    ]
    assert all(d.mean is not None and d.mean < 0 for d in by_fold.pairs)
    assert all(
        d.low < d.mean < d.high for d in by_fold.pairs if None not in (d.low, d.mean, d.high)
    )  # type: ignore[operator]
    (panel, *_) = draw(found)
    assert {left for left, _ in rows_of(panel)} == {"m4"}
    assert panel.how.partition("correction. ")[2].startswith(
        "These are the pairs with the best, m4."
    )


def test_filled_after_holm_and_open_else() -> None:
    pairs = [
        pair(),
        pair("sgd", "svrg", p=0.04, p_holm=0.08),
        pair("adam", "svrg", mean=0.1, low=-0.1, high=0.3, p=None, p_holm=None),
    ]
    (panel,) = draw([forest(*pairs)])
    marks = marks_of(panel)
    assert [m.marker.symbol for m in marks] == ["circle", "circle-open", "circle-open"]
    assert [m.marker.color for m in marks] == [look(i).colour for i in (0, 0, 2)]
    assert [m.x for m in marks] == [(-0.2,), (-0.2,), (0.1,)]
    assert [m.y for m in marks] == [(0,), (1,), (2,)]
    assert (marks[2].error_x.array, marks[2].error_x.arrayminus) == (
        *((pytest.approx(0.2),), (pytest.approx(0.2),)),
    )


def test_all_intervals_and_zero_lie_on_the_axis() -> None:
    (panel,) = draw([forest(pair(), pair("sgd", "svrg", mean=-4.0, low=-9.0, high=-3.0))])
    low, high = panel.figure.layout.xaxis.range
    assert low < -9.0
    assert high > 0.0
    assert [shape.x0 for shape in panel.figure.layout.shapes] == [0]


def test_nothing_known_but_the_mean_and_no_difference_at_all() -> None:
    none = {"low": None, "high": None, "p": None, "p_holm": None}
    (panel,) = draw([forest(pair(mean=0.0, **none))])
    (mark,) = marks_of(panel)
    assert mark.error_x.array is None
    assert panel.figure.layout.xaxis.range == (-0.01, 0.01)
    assert mark.marker.color not in {look(0).colour, look(1).colour}


def test_a_pair_that_was_not_compared_keeps_its_row() -> None:
    none = dict.fromkeys(("mean", "low", "high", "p", "p_holm"))
    (panel,) = draw(
        [
            forest(
                pair(),
                pair("sgd", "svrg", **none, reasons=[Reason(who="svrg", what="diverged <in 1>")]),
            )
        ]
    )
    texts = [a.text for a in panel.figure.layout.annotations]
    assert texts.count("not compared") == 1
    assert rows_of(panel)[1] == ("sgd", "svrg")
    hover = panel.figure.layout.annotations[-1].hovertext
    assert hover == "sgd - svrg<br>svrg diverged &lt;in 1&gt;"
    assert panel.rows[1][-1] == "svrg diverged <in 1>"


def test_the_figure_grows_with_pairs_and_with_long_names() -> None:
    heights = [draw([forest(*[pair()] * n)])[0].figure.layout.height for n in (1, 2, 15)]
    assert [b - a for a, b in pairwise(heights)] == [ROW_PX, 13 * ROW_PX]
    long = "a study of svrg on digits with a name of 54 characters"
    (panel,) = draw([replace(forest(pair(second=long)), places={"sgd": 0, long: 1})])
    assert panel.figure.layout.height > heights[0]
    right = rows_of(panel)[0][1]
    assert len(right.split("<br>")) == 2
    assert max(map(len, right.split("<br>"))) <= 23
    assert panel.rows[0][1] == long


def test_foreign_names_are_plain() -> None:
    evil = "<b>%{x}$y$</b>"
    (panel,) = draw([replace(forest(pair(second=evil)), places={"sgd": 0, evil: 1})])
    assert rows_of(panel)[0][1] == "&lt;b&gt;&#37;{x}&#36;y&#36;&lt;/b&gt;"
    assert "<b>" not in panel.figure.data[0].hovertext[0]
    assert panel.rows[0][1] == evil
