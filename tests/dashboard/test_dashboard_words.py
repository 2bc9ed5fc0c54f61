"""What the pages are told: the newest studies first, and no longer than one waits for a list."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from vrtune.dashboard import words
from vrtune.dashboard.sight import StudySight
from vrtune.dashboard.words import Words
from vrtune.errors import VrtuneError


class Shown:
    """Studies; to look at the second takes long."""

    def __init__(self) -> None:
        self.read = threading.Event()

    def sight(self, study_id: int) -> StudySight:
        if study_id == 1:
            self.read.wait(20)
        if study_id == 3:
            raise KeyError(study_id)
        if study_id == 4:
            raise VrtuneError("damaged")
        return StudySight(f"seen {study_id}", {"a": study_id})


class Route:
    """One of the dashboard's routes."""

    def __init__(self, rule: str, method: str = "GET") -> None:
        self.rule, self.method = rule, method


def said(*numbers: int) -> dict[str, Any]:
    kept = [{"key": "vrtune", "value": "{}"}, {"key": "mine", "value": "1"}]
    studies = [{"study_id": n, "study_name": f"{n}", "user_attrs": kept} for n in numbers]
    return {"study_summaries": studies}


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Words:
    monkeypatch.setattr(words, "LOOK_S", 0.1)
    return Words(Shown(), "a.db")  # type: ignore[arg-type]


def test_a_list_is_not_waited_for(plugin: Words, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = plugin.apply(lambda: said(0, 1, 2), Route("/api/studies"))
    for _ in range(2):  # nothing is looked at twice at a time
        told = listed()["study_summaries"]
        assert [s["study_name"] for s in told] == ["0", "1", "seen 2"]
        attributes = [[a["key"] for a in s["user_attrs"]] for s in told]
        assert attributes == [["mine"], ["mine"], ["a"]]
    plugin.shown.read.set()  # type: ignore[attr-defined]
    monkeypatch.setattr(words, "LOOK_S", 20)
    assert [s["study_name"] for s in listed()["study_summaries"]] == ["seen 0", "seen 1", "seen 2"]


@pytest.mark.parametrize("number", [3, 4])
def test_a_study_that_can_not_be_seen(plugin: Words, number: int) -> None:
    """It was deleted just now, or is damaged: the others are listed."""
    told = plugin.apply(lambda: said(0, number), Route("/api/studies"))()
    assert [s["study_name"] for s in told["study_summaries"]] == ["seen 0", f"{number}"]


def test_errors_are_passed_on(plugin: Words) -> None:
    route = Route("/api/studies/<study_id:int>")
    for answer in ('{"reason": "internal server error"}', {"reason": "study_id=1 is not found"}):
        before = str(answer)
        assert plugin.apply(lambda study_id, a=answer: a, route)(study_id=1) is answer
        assert str(answer) == before


def test_other_routes_are_left_alone(plugin: Words) -> None:
    def call() -> None:
        pass

    for route in (Route("/api/studies", "POST"), Route("/api/meta"), Route("/dashboard")):
        assert plugin.apply(call, route) is call
