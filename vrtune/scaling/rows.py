"""A batch size's row: the trial of its study that reaches the target in the fewest steps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.config import Settings
from vrtune.display.measures import Measure
from vrtune.scaling.arrival import Arrival, arrival
from vrtune.scaling.plan import OVER, Wanted
from vrtune.scaling.regions import Critical, Region, critical, gains, regions
from vrtune.spaces import edge_notes


class Row(Settings):
    """A method at a batch size. Where no trial reaches the target, what says when is null."""

    method: str
    study: str
    batch_size: int
    epochs: int  # of a trial that is not pruned
    most_steps: int  # of such a trial
    steps_per_epoch: int
    trials: int  # that were tried
    reached: int  # of them, that reach the target
    trial: int | None = None  # that reaches it first
    setting: dict[str, Any] | None = None
    edges: tuple[str, ...] = ()  # where that lies at the end of a range
    epoch: int | None = None  # the first that is judged to be at the target
    epochs_to_target: float | None = None  # interpolated, as all that follows
    steps: float | None = None
    at_most: bool = False  # whether the target was reached before it could be seen how fast
    steps_of_folds: tuple[float | None, ...] = ()  # of each fold's own curve; null: not reached
    samples: float | None = None
    gradient_computations: float | None = None  # of a training on one fold
    ideal: float | None = None  # steps of perfect scaling from the least batch size
    gain: float | None = None  # -d log steps / d log batch size, from the one before
    region: Region | None = None
    best: float | None = None  # the best value that any trial was judged to have


class Curve(Settings):
    """A method over batch sizes."""

    method: str
    rows: tuple[Row, ...]
    critical: Critical | None = None

    @property
    def reached(self) -> list[Row]:
        """Those that reach the target, the least batch size first."""
        return [row for row in self.rows if row.steps is not None]


def row(tuned: Tuned, wanted: Wanted, target: float) -> Row:
    """What a study says of its batch size, by the first trials that were asked for."""
    measure = tuned.measure
    trials = [t for t in tuned.trials if t.state not in OVER][: wanted.trials]
    found = {t.number: a for t in trials if (a := arrival(_means(t), target, measure))}
    values = [v for t in trials for v in _means(t).values() if math.isfinite(v)]
    out = Row(
        method=wanted.label,
        study=wanted.study,
        batch_size=wanted.batch_size,
        epochs=wanted.task.epochs,
        most_steps=wanted.task.epochs * wanted.steps,
        steps_per_epoch=wanted.steps,
        trials=len(trials),
        reached=len(found),
        best=min(values, key=measure.cost, default=None),
    )
    if not found:
        return out
    first = min(trials, key=lambda t: (t.number not in found, _epochs(found.get(t.number))))
    return out.model_copy(update=_arrived(first, found[first.number], wanted, target, measure))


def curve(rows: Sequence[Row]) -> Curve:
    """The rows of a method, each held against the others."""
    reached = [each for each in rows if each.steps is not None]
    points = [(each.batch_size, float(each.steps or 0)) for each in reached]
    told = zip(reached, gains(points), regions(points), strict=True)
    more = {each.batch_size: {"gain": gain, "region": region} for each, gain, region in told}
    out = []
    for each in rows:
        ideal = points[0][0] * points[0][1] / each.batch_size if points else None
        out.append(each.model_copy(update={"ideal": ideal, **more.get(each.batch_size, {})}))
    return Curve(method=rows[0].method, rows=tuple(out), critical=critical(points))


def _arrived(
    trial: Tried, at: Arrival, wanted: Wanted, target: float, measure: Measure
) -> dict[str, Any]:
    """Of the trial that is the first at the target."""
    parts = max(map(len, trial.values.values()))
    folds = []
    for i in range(parts):
        own = {e: values[i] for e, values in trial.values.items() if i < len(values)}
        arrived = arrival(own, target, measure)
        folds.append(arrived and arrived.epochs * wanted.steps)
    return {
        "trial": trial.number,
        "setting": dict(trial.params),
        "edges": tuple(edge_notes(trial.params, trial.ranges)),
        "epoch": at.judged,
        "epochs_to_target": at.epochs,
        "steps": at.epochs * wanted.steps,
        "at_most": at.at_most,
        "steps_of_folds": tuple(folds),
        "samples": at.epochs * wanted.samples,
        "gradient_computations": _cost(trial.costs, at, parts),
    }


def _cost(costs: Mapping[int, float], at: Arrival, parts: int) -> float | None:
    """Gradient computations of a fold by then, as if they were spread evenly within epochs."""
    if at.judged not in costs:
        return None
    since = max((e for e in costs if e < at.judged), default=0)
    spent, now = costs.get(since, 0.0), costs[at.judged]
    return (spent + (now - spent) * (at.epochs - since) / (at.judged - since)) / parts


def _means(trial: Tried) -> dict[int, float]:
    """Over folds, by epoch; NaN where one of them diverged."""
    return {e: sum(folds) / len(folds) for e, folds in trial.values.items() if folds}


def _epochs(at: Arrival | None) -> float:
    return at.epochs if at else math.inf
