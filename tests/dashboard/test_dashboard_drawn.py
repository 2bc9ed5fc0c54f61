"""The figures of a study's page: drawn once, until the study has changed."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from vrtune.comparing.tuned import Tuned, read_tuned
from vrtune.dashboard import drawn
from vrtune.dashboard.drawn import MOST, Drawing, draw
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import load_study


@pytest.fixture
def study(found: tuple[SearchResult, str]) -> object:
    return load_study(open_to_read(found[1]), found[0].study, found[1])


@pytest.fixture
def tuned(study: object) -> Tuned:
    return read_tuned(study)  # type: ignore[arg-type]


def test_they_are_drawn_once(study: object, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(drawn, "read_tuned", lambda s: calls.append(s) or read_tuned(s))
    drawing, state = Drawing(), object()
    first = drawing.of(study, state)  # type: ignore[arg-type]
    assert drawing.of(study, state) is first  # type: ignore[arg-type]
    assert len(calls) == 1
    assert drawing.of(study, object()) is first  # type: ignore[arg-type]  # not again at once
    assert len(calls) == 1
    monkeypatch.setattr(drawn, "REST", 0)
    drawing = Drawing()
    drawing.of(study, state)  # type: ignore[arg-type]
    assert drawing.of(study, object()) is not first  # type: ignore[arg-type]
    assert len(calls) == 3


def test_texts_of_others_are_no_html(tuned: Tuned, monkeypatch: pytest.MonkeyPatch) -> None:
    named = replace(tuned, label="<img src=x onerror=alert(1)>")
    monkeypatch.setattr(drawn, "read_tuned", lambda _: named)
    study = type("Study", (), {"study_name": "s"})()
    for figure in Drawing().of(study, object()):
        title = json.loads(figure["graph_object"])["layout"]["title"]["text"]
        assert "<img" not in title
        assert title.startswith("<b>")


def test_of_thousands_of_trials_some_are_drawn(tuned: Tuned) -> None:
    (one, *_) = tuned.complete
    trials = tuple(replace(one, number=n, value=1 + n % 997) for n in range(4 * MOST))
    many = replace(tuned, trials=trials, choice=trials[1235])
    curves, land, *_ = draw(many)
    for panel in (curves, land):
        shown = {row[0] for row in panel.rows}
        assert 1235 in shown
        assert {n for n in range(4 * MOST) if n % 997 == 0} <= shown
        assert MOST <= len(shown) <= 1.2 * MOST
    assert {row[0] for row in next(iter(draw(tuned))).rows} == {0, 1}


def test_a_study_without_a_choice(tuned: Tuned) -> None:
    bare = replace(tuned, trials=(), choice=None, again=None)
    assert not list(draw(bare))


def test_all_figures(tuned: Tuned) -> None:
    pruned = replace(tuned.trials[0], number=2, state="pruned", value=None)
    names = [panel.name for panel in draw(replace(tuned, trials=(*tuned.trials, pruned)))]
    assert names == ["cv-curves", "landscape", "train-loss-over-gradients", "pruning"]


def test_a_figure_that_fails_is_left_out(
    tuned: Tuned, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(drawn.landscape, "compute", lambda _: 1 / 0)
    names = [panel.name for panel in draw(tuned)]
    assert names == ["cv-curves", "train-loss-over-gradients"]
    (said,) = caplog.messages
    assert said.startswith(f"a figure of study {tuned.study} can't be drawn (ZeroDivisionError: ")
