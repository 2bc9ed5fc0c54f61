"""Trials and studies written down by hand, for what is computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution

from vrtune import Task
from vrtune.comparing.tried import Tried
from vrtune.comparing.tuned import Tuned
from vrtune.display.measures import LOSS, Measure
from vrtune.studies.counts import Counts
from vrtune.studies.diagnosed import Diagnosis
from vrtune.studies.record import StudyRecord
from vrtune.studies.searches import SearchEntry, Versions, Worker

LR = FloatDistribution(1e-4, 1.0, log=True)
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def tried(
    number: int,
    state: str = "complete",
    params: Mapping[str, Any] | None = None,
    ranges: Mapping[str, BaseDistribution] | None = None,
    value: float | None = None,
    losses: Mapping[int, tuple[float, ...]] | None = None,
    costs: Mapping[int, float] | None = None,
    spent: float = 0.0,
) -> Tried:
    """A trial of these losses or other values; without ranges each parameter has a learning
    rate's."""
    params = params or {}
    return Tried(
        number=number,
        state=state,
        params=params,
        ranges=dict.fromkeys(params, LR) if ranges is None else ranges,
        value=value,
        metrics={},
        values=losses or {},
        costs=costs or {},
        spent=spent,
        seconds=None,
        sampler="auto",
    )


def tuned(
    trials: Sequence[Tried],
    *,
    label: str = "sgd",
    choice: int | None = None,
    searches: Sequence[SearchEntry] = (),
    diagnosis: Diagnosis | None = None,
    measure: Measure = LOSS,
) -> Tuned:
    """A study of these trials; `choice` is one's number."""
    record = StudyRecord(
        task=Task(),
        space="sgd",
        fingerprint="0" * 16,
        data_dir="data",
        version="0.1.0",
        metric=measure.metric,
        score=measure.score,
        direction=measure.direction,
    )
    return Tuned(
        study=f"{label}-study",
        label=label,
        record=record,
        trials=tuple(trials),
        choice=next((trial for trial in trials if trial.number == choice), None),
        confirmed=None,
        confirmations=(),
        again=None,
        diagnosis=diagnosis,
        searches=tuple(searches),
        counts=Counts(),
    )


def search_entry(seconds: float | None = 10.0, **times: float | None) -> SearchEntry:
    """A search that took so long, or was cut off; `times` as its timesheet has them."""
    return SearchEntry(
        began=BEGAN,
        ended=None if seconds is None else BEGAN + timedelta(seconds=seconds),
        workers=(Worker(host="here", pid=1, started=0.0),),
        sampler="auto",
        pruner="folds",
        start="on",
        validate_at="epochs",
        trials=4,
        budget=None,
        timeout=None,
        confirm=0,
        jobs=1,
        open=1,
        lanes=4,
        fuse="auto",
        processes=1,
        plan="",
        ranges={},
        default={},
        parameters=10,
        data_dir="data",
        commit=None,
        versions=Versions(vrtune="0", torch="0", optuna="0", numpy="0", python="3", device="cpu"),
        **times,
    )
