"""The studies of a comparison: by name or all, each once, and none of another program's."""

from __future__ import annotations

import optuna
import pytest
from reference.made_up import TASK, make

from vrtune.comparing.studies import read_studies
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.studies.record import RECORD


def foreign(url: str, name: str, **attrs: object) -> None:
    study = optuna.create_study(study_name=name, storage=open_storage(url))
    for key, value in attrs.items():
        study.set_user_attr(key, value)


def test_they_come_in_the_order_they_are_named_each_once(url: str) -> None:
    for name in ("sgd", "storm", "adam"):
        make(url, name, [0.1] * 4)
    named = read_studies(["storm", "sgd", "storm"], url)
    assert [each.study for each in named] == ["storm", "sgd"]
    assert [each.study for each in read_studies((), url)] == ["sgd", "storm", "adam"]


def test_labels_are_told_apart(url: str) -> None:
    for name in ("sgd-a", "sgd-b", "storm-a"):
        make(url, name, [0.1] * 4)
    assert [each.label for each in read_studies([], url)] == ["sgd-a", "sgd-b", "storm"]
    assert [each.label for each in read_studies(["sgd-a", "storm-a"], url)] == ["sgd", "storm"]


def test_a_study_that_is_called_as_another_method_is_told_apart(url: str) -> None:
    for name, space in {"adam": "sgd", "b": "sgd", "c": "adam"}.items():
        make(url, name, [0.1] * 4, space=space)
    assert [each.label for each in read_studies([], url)] == ["adam", "b", "c"]


def test_studies_of_other_programs_are_left_out_unless_they_are_named(url: str) -> None:
    make(url, "sgd", [0.1] * 4)
    foreign(url, "theirs")
    foreign(url, "later", **{RECORD: {"task": TASK.model_dump(), "more": 1}})
    assert [each.study for each in read_studies([], url)] == ["sgd"]
    with pytest.raises(UsageError, match=r"'theirs' was not made by this vrtune: leave it out"):
        read_studies(["sgd", "theirs"], url)
    with pytest.raises(UsageError, match=r"'later' was made by a later vrtune .*: leave it out"):
        read_studies(["later"], url)


def test_a_study_that_is_not_there_is_named_with_those_that_are(url: str) -> None:
    make(url, "sgd", [0.1] * 4)
    with pytest.raises(UsageError, match=r"there is no study 'x' in .*: it holds sgd"):
        read_studies(["sgd", "x"], url)


def test_no_study_at_all_is_a_sentence(url: str) -> None:
    open_storage(url)
    with pytest.raises(UsageError, match=r"there is no study of vrtune in .*: search first"):
        read_studies([], url)
    foreign(url, "theirs")
    with pytest.raises(UsageError, match="there is no study of vrtune in"):
        read_studies([], url)


def test_no_storage_is_a_sentence(url: str) -> None:
    with pytest.raises(VrtuneError, match=r"studies\.db"):
        read_studies([], url)


def test_a_study_without_trials_stays(url: str) -> None:
    make(url, "sgd")
    make(url, "storm", pruned=2)
    assert [each.choice for each in read_studies([], url)] == [None, None]
