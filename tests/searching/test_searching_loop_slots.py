"""The slots of a search: how full they were, and half as many where memory runs out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import torch
from optuna.trial import TrialState
from reference.small_search import TASK, run, trials_of

from vrtune import search
from vrtune.errors import VrtuneError
from vrtune.events import Event
from vrtune.lanes.pool import Pool
from vrtune.studies.record import load_study
from vrtune.studies.storage import open_storage


def short_of_memory(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    """A device that has memory for so many lanes."""
    train_epoch = Pool.train_epoch

    def limited(pool: Pool, after_step: Callable[[], None]) -> dict[int, list[float]]:
        if sum(len(group.seats) for group in pool.groups.values()) > lanes:
            raise torch.OutOfMemoryError
        return train_epoch(pool, after_step)

    monkeypatch.setattr(Pool, "train_epoch", limited)


def test_out_of_memory_halves_the_slots_and_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, lanes=4)
    events: list[Event] = []
    run(url, 11, slots=8, progress=events.append)
    assert [e.lanes for e in events if e.kind == "halved"] == [8, 4]
    states = [t.state for t in trials_of(url)]
    assert states.count(TrialState.COMPLETE) == 11, "those put back need not be granted again"
    assert set(states) == {TrialState.COMPLETE, TrialState.FAIL}
    params = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.FAIL}
    done = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.COMPLETE}
    assert params <= done


def test_no_memory_for_one_trial_is_an_error(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    short_of_memory(monkeypatch, lanes=1)
    with pytest.raises(VrtuneError, match="no memory for the 2 lanes of one trial"):
        run(url, 4)
    assert {t.state for t in trials_of(url)} == {TrialState.FAIL, TrialState.WAITING}


def test_a_search_says_how_full_its_slots_were(url: str) -> None:
    events: list[Event] = []
    for jobs in (1, 2):
        result = search(
            "sgd",
            TASK,
            trials=6,
            jobs=jobs,
            lanes=2,
            study="s",
            storage=url,
            retrain=0,
            progress=events.append,
        )
        assert result.occupancy is not None
        assert 0 < result.occupancy <= 1
        assert 0 < result.outside < 1
    kept = load_study(open_storage(url), "s", url).user_attrs["searches"]
    assert [search["processes"] for search in kept] == [1, 2]
    assert kept[1]["occupancy"] == result.occupancy
    assert all(0 < search["beside"] < search["total"] for search in kept)
    plans = [event.text for event in events if event.kind == "plan"]
    assert [text.split(", ")[-1] for text in plans] == ["1 process", "2 processes"]
    assert plans[0].rpartition(",")[0] == plans[1].rpartition(",")[0], "measured once"
