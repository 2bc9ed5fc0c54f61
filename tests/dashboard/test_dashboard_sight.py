"""What people are shown of trials and studies: few words, and of others' all as it is."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState, create_trial
from reference.made_studies import make

from vrtune.dashboard.sight import StudySight, View, is_machines, look
from vrtune.display.measures import Measure
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.leases import AGAIN, CUT_OFF
from vrtune.studies.record import load_study


@pytest.fixture
def study(found: tuple[SearchResult, str]) -> optuna.Study:
    """A finished search."""
    return load_study(open_to_read(found[1]), found[0].study, found[1])


def shown(**attributes: Any) -> dict[str, Any]:
    """A trial's attributes as they are shown in a study of vrtune's."""
    trial = create_trial(state=TrialState.FAIL, user_attrs=attributes)
    return StudySight("s", {}, ours=True).trial(trial).user_attrs


def test_a_trial_in_few_words() -> None:
    kept = {
        "config": {"optimizer": {"kind": "sgd"}},
        "worker": {"host": "h", "pid": 1},
        "fold_values": [0.123456, 2.0, None],
        "fold_accuracies": [0.91234567, 0.5],
        "gradient_computations": 816.0,
        "seconds": 1.23456,
    }
    assert shown(**kept) == {
        "accuracy": 0.7062,
        "fold losses": "0.1235, 2, nan",
        "gradient computations": 816,
        "seconds": 1.23,
    }


def test_what_went_wrong_is_said() -> None:
    assert shown(diverged=True, fold_accuracies=[None, 0.5]) == {"state": "diverged"}
    assert shown(error="ValueError: no") == {"error": "ValueError: no"}


@pytest.mark.parametrize("odd", [None, "x", {}, [], [None, "x"], [True], math.nan, [[1.0]]])
def test_odd_values_are_passed_over(odd: Any) -> None:
    names = ("fold_values", "fold_accuracies", "gradient_computations", "seconds", "diverged")
    assert shown(**dict.fromkeys(names, odd)) == {}


def test_attributes_of_the_user_stay() -> None:
    assert shown(mine={"a": [1]}, config={}) == {"mine": {"a": [1]}}


def test_a_trial_of_anothers_study_is_as_it_is() -> None:
    trial = create_trial(value=1.0, user_attrs={"config": 1, "worker": 2})
    assert StudySight("s", {}).trial(trial) is trial


@pytest.mark.parametrize(
    ("name", "machines"),
    [
        ("vrtune", True),
        ("searches", True),
        ("search 2026-01-01T00:00:00+00:00 vm 1", True),
        ("confirm-3", True),
        ("retrain-0", True),
        ("diagnosis-12", True),
        ("searched by", False),
        ("mine", False),
        ("vrtune is nice", False),
    ],
)
def test_whose_attributes(name: str, machines: bool) -> None:
    assert is_machines(name) is machines


def test_a_study_is_looked_at_once(study: optuna.Study) -> None:
    view = View()
    first = view.sight(study)
    assert view.sight(study) is first
    copied = optuna.create_study(study_name=study.study_name)
    copied.add_trials(study.get_trials(deepcopy=False))
    for name, value in study.user_attrs.items():
        copied.set_user_attr(name, value)
    assert view.sight(copied) is first
    copied.set_user_attr("mine", 1)
    second = view.sight(copied)
    assert second.attributes["mine"] == 1
    copied.add_trial(create_trial(state=TrialState.FAIL))
    third = view.sight(copied)
    assert third.name.endswith(", 3 trials")
    assert third.attributes["trials"] == "2 complete, 0 pruned, 1 failed"


def test_no_trial_is_complete_yet(study: optuna.Study) -> None:
    bare = optuna.create_study(study_name="s\u202e\n")
    bare.set_user_attr("vrtune", study.user_attrs["vrtune"])
    sight = look(bare, bare.get_trials())
    assert sight.name == "s\\u202e\\n: 0 trials"
    assert list(sight.attributes) == ["trials", "gradient computations", "task"]
    assert sight.best is None


def test_interrupted_trials_are_told_from_failed_ones(study: optuna.Study) -> None:
    bare = optuna.create_study(study_name="s")
    bare.set_user_attr("vrtune", study.user_attrs["vrtune"])
    for attributes in ({CUT_OFF: True}, {}, {AGAIN: 0}):
        bare.add_trial(create_trial(state=TrialState.FAIL, user_attrs=attributes))
    trials = bare.get_trials()
    sight = look(bare, trials)
    assert [sight.trial(t).user_attrs for t in trials] == [{"state": "interrupted"}, {}, {}]


def test_a_study_is_seen_by_its_metric() -> None:
    storage = optuna.storages.InMemoryStorage()
    make(storage, "s", "sgd", measure=Measure("r2", "r2", "maximize"))
    study = load_study(storage, "s", "")
    trials = study.get_trials(deepcopy=False)
    sight = look(study, trials)
    assert sight.name == "s: best 0.44, 6 trials"
    assert sight.attributes["validation r2"] == "0.44"
    assert sight.attributes["test r2"] == "0.9500 +- 0.0100 (3 seeds)"
    assert View().metric(study.user_attrs) == "validation r2"
    assert not any("accuracy" in name for name in sight.attributes)
    first = sight.trial(trials[0]).user_attrs
    assert (first["test r2"], first["loss"], first["mae"]) == (0.95, 0.91, 0.91)
    assert first["fold values"] == "0.45, 0.44, 0.43"
    assert not {"accuracy", "r2", "fold losses"} & {*first}
