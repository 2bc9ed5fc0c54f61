"""All figures of studies, in reading order, and what is said of those that are not there."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import optuna
import pytest
from reference.made_studies import EVIL, NAMES, make

from vrtune import figures
from vrtune.comparing.tuned import Tuned, labelled, read_tuned
from vrtune.figures import ACROSS, EACH, panels
from vrtune.figures.missing import Missing, missing
from vrtune.storages.urls import DEFAULT_URL
from vrtune.studies.record import load_study


@pytest.fixture(scope="module")
def tuned() -> list[Tuned]:
    storage = optuna.storages.InMemoryStorage()
    for name, space in zip(NAMES, ("sgd", EVIL, "storm"), strict=True):
        make(storage, name, space)
    return labelled([read_tuned(load_study(storage, name, "")) for name in NAMES])


def test_methods_side_by_side_come_first_then_study_by_study(tuned: list[Tuned]) -> None:
    found = panels(tuned)
    about = [panel.study for panel in found]
    across = about.index(NAMES[0])
    assert across > 4
    assert not any(about[:across])
    assert list(dict.fromkeys(about[across:])) == list(NAMES)
    own = [(panel.study, panel.name) for panel in found]
    assert len(set(own)) == len(own)


def test_every_figure_can_be_read_and_has_data(tuned: list[Tuned]) -> None:
    for panel in panels(tuned):
        assert panel.title, panel.name
        assert panel.how.endswith("."), panel.name
        assert panel.rows, panel.name
        assert {len(row) for row in panel.rows} == {len(panel.columns)}, panel.name
        assert len(panel.csv().splitlines()) > len(panel.rows) - 1
        assert EVIL not in panel.figure.to_json().replace("\\", ""), panel.name


def test_every_module_that_draws_is_asked() -> None:
    modules = [import_module(f"vrtune.figures.{m.name}") for m in iter_modules(figures.__path__)]
    drawing = {m.__name__.split(".")[-1] for m in modules if {"compute", "draw"} <= {*vars(m)}}
    assert {*ACROSS, *EACH} == drawing
    assert panels([]) == []


def test_what_would_add_what_is_missing(tuned: list[Tuned]) -> None:
    found = missing(tuned, DEFAULT_URL)
    commands = [command for each in found for command in each.commands]
    assert "vrtune retrain -- -storm" in commands
    assert "vrtune retrain sgd-digits-lenet --test-curve" in commands
    assert "vrtune diagnose sgd-digits-lenet" in commands
    assert any("importances" in each.why for each in found)
    retraining = next(each for each in found if "vrtune retrain -- -storm" in each.commands)
    assert retraining.commands == ("vrtune retrain -- -storm",)


def test_a_password_is_not_told(tuned: list[Tuned]) -> None:
    found = missing(tuned[:1], "postgresql://user:secret@host/name")
    said = "\n".join(map(str, found))
    assert "--storage" in said
    assert "secret" not in said


def test_something_missing_in_a_sentence() -> None:
    assert str(Missing("nothing is there", ())) == "nothing is there"
    assert str(Missing("no curve", ("vrtune a", "vrtune b"))) == "no curve: vrtune a, vrtune b"


def test_a_study_without_a_choice_needs_more_trials() -> None:
    storage = optuna.storages.InMemoryStorage()
    make(storage, "none", "sgd", trials=0)
    (first, *rest) = missing([read_tuned(load_study(storage, "none", ""))])
    assert "search longer" in first.why
    assert not any(each.commands for each in rest)
