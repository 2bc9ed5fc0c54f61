"""What a study remembers: whose it is, what is refused under its name, what an older one lacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import pytest
from optuna.storages import BaseStorage, InMemoryStorage

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.given.names import name_fault
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.naming import default_name
from vrtune.studies.record import (
    RECORD,
    StudyRecord,
    identified,
    load_study,
    open_study,
    read_record,
)

NOW = StudyRecord(
    task=Task(dataset="/data/mine.npz"),
    space="sgd",
    fingerprint="0" * 16,
    data_dir="/data",
    version="2",
    sources=("/spaces/sgd.py",),
    space_fingerprint="a" * 16,
    class_names=("cat", "dog"),
)
OLD = ("space_fingerprint", "class_names", "id")  # fields that an older vrtune knew nothing of


@pytest.fixture
def storage() -> BaseStorage:
    return InMemoryStorage()


def changed(**update: Any) -> StudyRecord:
    return NOW.model_copy(update=update)


def test_a_study_has_an_id_of_its_own(storage: BaseStorage) -> None:
    first, second = (read_record(open_study(storage, name, NOW)).id for name in "ab")
    assert len({first, second, ""}) == 3
    assert read_record(open_study(storage, "a", NOW)).id == first


def test_the_record_of_an_older_vrtune_is_completed(storage: BaseStorage) -> None:
    study = optuna.create_study(study_name="s", storage=storage)
    study.set_user_attr(RECORD, changed(version="1").model_dump(mode="json", exclude=set(OLD)))
    study.add_trial(optuna.trial.create_trial(value=1.0))
    assert read_record(study).space_fingerprint == ""
    kept = read_record(open_study(storage, "s", NOW))
    assert kept.model_copy(update={"id": "", "version": "2"}) == NOW
    assert kept.version == "1"
    assert identified(study) == kept
    assert kept.id


def test_an_id_is_given_where_none_is_searched(storage: BaseStorage) -> None:
    study = optuna.create_study(study_name="s", storage=storage)
    study.set_user_attr(RECORD, NOW.model_dump(mode="json", exclude=set(OLD)))
    given = identified(study).id
    assert given
    assert identified(study).id == read_record(study).id == given


def test_its_value_has_a_name(url: str) -> None:
    storage = open_storage(url)
    assert open_study(storage, "s", NOW).metric_names == ["validation loss"]
    older = optuna.create_study(study_name="older", storage=storage)
    older.set_user_attr(RECORD, NOW.model_dump(mode="json"))
    assert load_study(open_to_read(url), "older", url).metric_names is None
    assert open_study(storage, "older", NOW).metric_names == ["validation loss"]


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_a_name_that_somebody_gave_its_value_stays(storage: BaseStorage) -> None:
    open_study(storage, "s", NOW).set_metric_names(["loss"])
    assert open_study(storage, "s", NOW).metric_names == ["loss"]


# ---- data that moved, spaces that were edited --------------------------------------------------


def test_data_may_move(storage: BaseStorage) -> None:
    open_study(storage, "s", NOW)
    moved = changed(task=Task(dataset="/new/other.npz"), data_dir="/new")
    kept = read_record(open_study(storage, "s", moved))
    assert (kept.task.dataset, kept.data_dir) == ("/new/other.npz", "/new")


def test_other_data_are_refused_wherever_they_lie(storage: BaseStorage) -> None:
    open_study(storage, "s", NOW)
    with pytest.raises(UsageError, match=r"another task \(data fingerprint was 0+, now 1+\)"):
        open_study(storage, "s", changed(fingerprint="1" * 16))
    other = changed(fingerprint="1" * 16, task=Task(dataset="mnist"))
    with pytest.raises(UsageError, match=r"dataset was /data/mine\.npz, now mnist; data finger"):
        open_study(storage, "s", other)


def test_another_text_of_the_space_is_refused_or_accepted(storage: BaseStorage) -> None:
    open_study(storage, "s", NOW)
    edited = changed(space_fingerprint="b" * 16)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"/spaces/sgd\.py .* --edited-space accept"):
            open_study(storage, "s", edited)
    assert read_record(open_study(storage, "s", NOW)).space_fingerprint == "a" * 16
    open_study(storage, "s", edited, "accept")
    assert read_record(open_study(storage, "s", edited)).space_fingerprint == "b" * 16


def test_another_space_is_refused_even_if_edits_are_accepted(storage: BaseStorage) -> None:
    open_study(storage, "s", NOW)
    with pytest.raises(UsageError, match="space was sgd, now adam"):
        open_study(storage, "s", changed(space="adam"), "accept")


# ---- studies of others -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("directions", "said"),
    [(["maximize"], "maximizes its value"), (["minimize", "minimize"], "has 2 objectives")],
)
@pytest.mark.parametrize("trials", [0, 1])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_study_that_does_not_minimize_a_value(
    directions: list[str], said: str, trials: int, recorded: bool, storage: BaseStorage
) -> None:
    theirs = optuna.create_study(study_name="s", storage=storage, directions=directions)
    for _ in range(trials):
        theirs.add_trial(optuna.trial.create_trial(values=[1.0] * len(directions)))
    if recorded:
        theirs.set_user_attr(RECORD, NOW.model_dump(mode="json"))
    before = theirs.user_attrs
    with pytest.raises(UsageError, match=f"study 's' {said}"):
        open_study(storage, "s", NOW)
    assert theirs.user_attrs == before


def test_trials_without_a_record_are_another_s(storage: BaseStorage) -> None:
    theirs = optuna.create_study(study_name="s", storage=storage)
    theirs.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(UsageError, match="was not made by this vrtune"):
        open_study(storage, "s", NOW)
    assert theirs.user_attrs == {}


def test_a_study_without_anything_is_one_whose_maker_was_cut_off(storage: BaseStorage) -> None:
    optuna.create_study(study_name="s", storage=storage)
    assert read_record(open_study(storage, "s", NOW)).task == NOW.task


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda kept: "text", "was damaged"),
        (lambda kept: None, "was not made by this vrtune"),
        (lambda kept: {}, "was damaged .*Field required"),
        (lambda kept: kept | {"fingerprint": "0\nimport os"}, "was damaged .*fingerprint"),
        (lambda kept: kept | {"fingerprint": "0" * 16 + "\n"}, "was damaged .*fingerprint"),
        (lambda kept: kept | {"fingerprint": 3}, "was damaged .*fingerprint"),
        (lambda kept: kept | {"space_fingerprint": "x"}, "was damaged .*space_fingerprint"),
        (lambda kept: kept | {"id": "../../x"}, "was damaged .*id"),
        (lambda kept: kept | {"space": "half \ud800"}, "was damaged .*space"),
        (lambda kept: kept | {"sources": "x.py"}, "was damaged .*sources"),
        (lambda kept: kept | {"sources": ["a\0b"]}, "was damaged .*sources"),
        (
            lambda kept: kept | {"task": kept["task"] | {"epochs": -1}},
            r"was damaged .*task\.epochs",
        ),
        (lambda kept: kept | {"penalty": "l2"}, "by a later vrtune .*penalty"),
        (lambda kept: kept | {"task": kept["task"] | {"warmup": 1}}, "by a later vrtune .*warmup"),
    ],
)
def test_a_record_that_can_not_be_read(
    damage: Callable[[Any], Any], said: str, storage: BaseStorage
) -> None:
    study = open_study(storage, "s", NOW)
    study.set_user_attr(RECORD, damage(study.user_attrs[RECORD]))
    study.add_trial(optuna.trial.create_trial(value=1.0))
    for read in (lambda: read_record(study), lambda: open_study(storage, "s", NOW)):
        with pytest.raises(UsageError, match=said) as error:
            read()
        assert "\n" not in str(error.value)


def test_names_of_studies_are_shown_without_their_escape_codes(storage: BaseStorage) -> None:
    optuna.create_study(study_name="\x1b[31mred", storage=storage)
    with pytest.raises(UsageError, match=r"it holds \\x1b\[31mred"):
        load_study(storage, "none", "x.journal")


# ---- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("digits", "sgd-digits-lenet"),
        ("/data/my pictures", "sgd-my pictures-lenet"),
        ("/data/mine.npz", "sgd-mine-lenet"),
    ],
)
def test_a_study_is_named_by_what_it_searches(dataset: str, name: str) -> None:
    assert default_name("sgd", Task(dataset=dataset)) == name


@pytest.mark.parametrize("stem", ["n" * 250, "é" * 125, "a\nb", "a\\b", "\x1b[31m", "..."])
def test_a_study_is_named_so_that_a_folder_takes_it(stem: str) -> None:
    name = default_name("sgd", Task(dataset=f"/data/{stem}.npz"))
    assert name_fault(name) is None
    assert name == default_name("sgd", Task(dataset=f"/elsewhere/{stem}.npz"))


def test_class_names_that_are_no_utf8_are_kept_as_they_can_be() -> None:
    record = StudyRecord(**{**NOW.model_dump(), "class_names": ("caf\udce9", "thé")})
    assert record.class_names == ("caf?", "thé")


def test_another_task_lists_the_differences(url: str) -> None:
    storage = open_storage(url)
    open_study(storage, "s", NOW)
    assert open_study(storage, "s", NOW).study_name == "s"
    other = NOW.model_copy(update={"task": Task(epochs=3, seed=2), "data_dir": "elsewhere"})
    with pytest.raises(UsageError, match=r"epochs was 20, now 3; seed was 1, now 2\)"):
        open_study(storage, "s", other)


def test_unknown_study_names_those_there_are(url: str) -> None:
    storage = open_storage(url)
    with pytest.raises(UsageError, match="it holds none yet"):
        load_study(storage, "t", url)
    open_study(storage, "s", NOW)
    with pytest.raises(UsageError, match="it holds s"):
        load_study(storage, "t", url)
