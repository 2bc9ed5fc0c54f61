"""A storage that is shown: what is read is what the other holds, through a view; nothing more."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from vrtune.errors import VrtuneError
from vrtune.storages.shown import Shown


class Loud:
    """A sight in which all trials shout."""

    best: int | None = None

    def trial(self, trial: FrozenTrial) -> FrozenTrial:
        shown = copy.copy(trial)
        shown.user_attrs = {name.upper(): value for name, value in trial.user_attrs.items()}
        return shown


class View:
    """Sees every study in one way."""

    def __init__(self) -> None:
        self.seen = Loud()

    def metric(self, user_attrs: Mapping[str, Any]) -> str | None:
        return "loss" if user_attrs else None

    def identity(self, user_attrs: Mapping[str, Any]) -> Any:
        return dict(user_attrs)

    def sight(self, study: optuna.Study) -> Loud:
        return self.seen


@pytest.fixture
def kept() -> InMemoryStorage:
    storage = InMemoryStorage()
    study = optuna.create_study(study_name="s", storage=storage)
    study.set_user_attr("a", 1)
    for value in (3.0, 1.0, 2.0):
        study.add_trial(create_trial(value=value, user_attrs={"said": value}))
    optuna.create_study(study_name="empty", storage=storage)
    return storage


def test_trials_are_shown(kept: InMemoryStorage) -> None:
    shown = Shown(kept, View())
    assert [t.user_attrs for t in shown.get_all_trials(0)] == [{"SAID": v} for v in (3.0, 1.0, 2.0)]
    assert [t.user_attrs["said"] for t in kept.get_all_trials(0)] == [3.0, 1.0, 2.0]
    assert shown.get_n_trials(0) == 3
    assert not shown.get_all_trials(0, states=(TrialState.FAIL,))
    study = optuna.load_study(study_name="s", storage=shown)
    assert study.metric_names == ["loss"]
    assert "SAID" in study.trials[0].user_attrs
    assert study.trials[0] is not study.trials[0]


def test_a_trial_is_shown_anew_only_when_something_changed(kept: InMemoryStorage) -> None:
    view = View()
    shown = Shown(kept, view)
    first, again = (shown.get_all_trials(0, deepcopy=False) for _ in range(2))
    assert all(one is other for one, other in zip(first, again, strict=True))
    view.seen = Loud()
    assert shown.get_all_trials(0, deepcopy=False)[0] is not first[0]


def test_the_best_is_the_views(kept: InMemoryStorage) -> None:
    view = View()
    shown = Shown(kept, view)
    assert shown.get_best_trial(0).number == 1
    view.seen.best = 2
    assert shown.get_best_trial(0).number == 2
    assert shown.get_best_trial(0).user_attrs == {"SAID": 2.0}


def test_a_metric_that_has_a_name_keeps_it(kept: InMemoryStorage) -> None:
    shown = Shown(kept, View())
    named = [study.system_attrs.get("study:metric_names") for study in shown.get_all_studies()]
    assert named == [["loss"], None]
    kept.set_study_system_attr(0, "study:metric_names", ["mine"])
    assert shown.get_study_system_attrs(0) == {"study:metric_names": ["mine"]}


def test_studies_are_told_apart(kept: InMemoryStorage) -> None:
    shown = Shown(kept, View())
    assert shown.identities() == {0: ("s", {"a": 1}), 1: ("empty", {})}
    with pytest.raises(KeyError):
        shown.study(7)


def test_nothing_can_be_written(kept: InMemoryStorage) -> None:
    """Whatever Optuna's storages can do."""
    shown = Shown(kept, View())
    before = copy.deepcopy(kept.__dict__["_studies"][0].trials), kept.get_study_user_attrs(0)
    names = [name for name in dir(BaseStorage) if name.startswith(("set_", "create_", "delete_"))]
    assert len(names) >= 10
    for name in names:
        count = len(inspect.signature(getattr(BaseStorage, name)).parameters) - 1
        with pytest.raises(VrtuneError, match="only shown, and nothing in it can be changed"):
            getattr(shown, name)(*range(count))
    assert (kept.__dict__["_studies"][0].trials, kept.get_study_user_attrs(0)) == before
    others = {"get", "remove", "check", "set", "create", "delete"}
    known = {n.partition("_")[0] for n in dir(BaseStorage) if not n.startswith("_")}
    assert known == others  # a new verb of Optuna's is to be looked at
