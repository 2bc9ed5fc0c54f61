"""A study's main figures, drawn when its page is asked for and kept until it has changed."""

from __future__ import annotations

import logging
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from html import unescape

import optuna
import plotly.graph_objects as go

from vrtune.comparing.tuned import Tuned, read_tuned
from vrtune.display.figures import safe
from vrtune.figures import cv_curves, landscape, pruning, training
from vrtune.figures.panel import Panel
from vrtune.figures.style import ENTRY_PX, LETTER_PX, plain, short

LOG = logging.getLogger(__name__)
TEXT = "#767676"  # to be read on white and on black
BOX_PX, WIDTH_PX = 450, 560  # the page's box for a figure
TITLE_PX, LINE_PX, AXIS_PX, ROW_PX = 40, 16, 56, 19  # title, line under it, axis, legend
WRAP, TITLE = 92, 54  # characters in a line, and in the title
LEGEND = {"orientation": "h", "yref": "container", "yanchor": "bottom", "y": 0, "x": 0}
REST = 20  # times as long as it took to draw them, the figures of a study that changes are kept
AGAIN = "train-loss-over-gradients"
MOST = 1000  # trials that are drawn one by one: the page asks for its figures again and again


class Drawing:
    """The figures of studies, as the dashboard's page takes them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # one study is drawn at a time
        self._kept: dict[str, tuple[object, float, list[dict[str, str]]]] = {}

    def of(self, study: optuna.Study, state: object) -> list[dict[str, str]]:
        """The figures of a study; `state` is another object when the study has changed."""
        with self._lock:
            drawn_of, until, drawn = self._kept.get(study.study_name, (None, 0.0, []))
            if drawn_of is not state and time.monotonic() >= until:
                began = time.monotonic()
                drawn = [_graph(panel) for panel in draw(read_tuned(study))]
                now = time.monotonic()
                self._kept[study.study_name] = state, now + REST * (now - began), drawn
            return drawn


def draw(tuned: Tuned) -> Iterator[Panel]:
    """The figures that the dashboard has none of its own for, in the order they are read in. One
    that can't be drawn is left out: the page is there without it."""
    for figures in _curves, _landscape, _again, _saved:
        try:
            yield from figures(tuned)
        except Exception as error:
            LOG.warning(
                "a figure of study %s can't be drawn (%s: %s)",
                safe(tuned.study), type(error).__name__, safe(error),
            )  # fmt: skip


def _curves(tuned: Tuned) -> list[Panel]:
    data = cv_curves.compute(_some(tuned))
    return cv_curves.draw(data) if data else []


def _landscape(tuned: Tuned) -> list[Panel]:
    """Over what matters most."""
    data = landscape.compute(_some(tuned))
    return landscape.draw(data)[:1] if data else []


def _again(tuned: Tuned) -> list[Panel]:
    data = training.compute([tuned]) if tuned.again else None
    return [panel for panel in training.draw(data) if panel.name == AGAIN] if data else []


def _saved(tuned: Tuned) -> list[Panel]:
    data = pruning.compute([tuned])
    return pruning.draw(data) if data else []


def _some(tuned: Tuned) -> Tuned:
    """The same with as many trials as can be drawn: the choice, the best, and some of the rest."""
    if len(tuned.trials) <= MOST:
        return tuned
    best = sorted(tuned.complete, key=tuned.cost)[: MOST // 10]
    kept = {trial.number for trial in best} | ({tuned.choice.number} if tuned.choice else set())
    kept |= {trial.number for trial in tuned.trials[:: -(-len(tuned.trials) // MOST)]}
    return replace(tuned, trials=tuple(t for t in tuned.trials if t.number in kept))


def _graph(panel: Panel) -> dict[str, str]:
    """A figure with its heading in it, for a box of its own."""
    lines = textwrap.wrap(panel.how, WRAP)
    small = "".join(f"<br><span style='font-size:12px'>{plain(line)}</span>" for line in lines)
    figure = panel.figure
    figure.update_layout(
        title={
            "text": f"<b>{plain(short(panel.title, TITLE))}</b>{small}",
            "font": {"size": 16},
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 8, "t": 22},
            "y": 1,
            "yref": "container",
            "yanchor": "top",
            "automargin": False,
        },
        height=BOX_PX,
        font={"color": TEXT},
        legend=LEGEND,
        margin={
            "t": TITLE_PX + LINE_PX * (len(lines) + 1),
            "b": AXIS_PX + _legend_px(figure),
        },
    )
    return {"id": panel.name, "graph_object": figure.to_json()}


def _legend_px(figure: go.Figure) -> float:
    """The height of a legend across the box."""
    names = [unescape(t.name or "") for t in figure.data if t.showlegend is not False]
    longest = max((len(line) for name in names for line in name.split("<br>")), default=0)
    columns = max(1, int(WIDTH_PX // (longest * LETTER_PX + ENTRY_PX)))
    return ROW_PX * -(-len(names) // columns)
