"""Studies of different tasks are refused, in a sentence that says what differs; repeats are not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from reference.made_up import TASK, make

from vrtune.comparing.studies import read_studies
from vrtune.comparing.tasks import same_task, unlike
from vrtune.comparing.tuned import Tuned, read_tuned
from vrtune.config import Task
from vrtune.errors import UsageError


def tuned(url: str, name: str = "sgd", fingerprint: str = "0" * 16, **task: object) -> Tuned:
    given = Task.model_validate(TASK.model_dump() | task)
    return read_tuned(make(url, name, [0.1] * 4, task=given, fingerprint=fingerprint))


def refused(*studies: Tuned, named: bool = True) -> str:
    with pytest.raises(UsageError) as error:
        same_task(studies, any_task=False, named=named)
    same_task(studies, any_task=True)
    said = str(error.value)
    assert "--any-task" in said
    assert "any_task=True" in said
    return said


def test_other_fields_of_the_task_are_named(url: str) -> None:
    first, second = tuned(url), tuned(url, "storm", epochs=9, holdout=0.2)
    said = refused(first, second)
    assert "'sgd' and 'storm' are of different tasks" in said
    assert "(holdout none and 0.2, epochs 2 and 9)" in said
    assert unlike(first, second) == "holdout none and 0.2, epochs 2 and 9"


def test_data_are_told_apart_by_what_they_hold(url: str) -> None:
    here, there = tuned(url, dataset="here"), tuned(url, "adam", dataset="there")
    same_task([here, there], any_task=False)
    assert unlike(here, there) == ""
    other = tuned(url, "storm", fingerprint="1" * 16, dataset="there")
    assert "(dataset here and there)" in refused(here, other)
    twin = tuned(url, "svrg", fingerprint="1" * 16, dataset="here")
    assert f"(data {'0' * 16} and {'1' * 16})" in refused(here, twin)
    fewer = tuned(url, "mars", fingerprint="1" * 16, dataset="here", limit=50)
    assert "(limit none and 50)" in refused(here, fewer)


def test_how_weights_start_belongs_to_the_method(url: str) -> None:
    own = {"init": "metainit", "penalty": "l2", "average": "polyak"}
    plain, other = tuned(url), tuned(url, "sgd-metainit", **own)
    same_task([plain, other], any_task=False)
    assert unlike(plain, other) == ""


def test_searches_of_other_seeds_are_repeats(url: str) -> None:
    one, two = tuned(url), tuned(url, "sgd-2", seed=2)
    storm, late = tuned(url, "storm"), tuned(url, "storm-2", seed=2)
    same_task([one, two], any_task=False)
    same_task([one, two, storm, late], any_task=False)
    same_task([one, two, storm], any_task=False)
    assert unlike(one, two) == "seed 1 and 2"


def test_methods_that_share_no_seed_are_of_different_tasks(url: str) -> None:
    said = refused(tuned(url), tuned(url, "storm", seed=2), tuned(url, "sgd-3", seed=3))
    assert "no seed was used for every method (sgd 1, 3; storm 2)" in said


def test_where_none_are_named_the_studies_are_listed_by_task(url: str) -> None:
    studies = [tuned(url, f"sgd-{i}") for i in range(5)]
    said = refused(*studies, tuned(url, "storm", epochs=9), named=False)
    assert "of 2 tasks (epochs 2: sgd-0, sgd-1, sgd-2 and 2 more; epochs 9: storm)" in said
    many = [tuned(url, f"adam-{i}", epochs=10 + i) for i in range(5)]
    assert "epochs 12: adam-2; and 2 more)" in refused(*many, named=False)


def test_a_list_by_task_tells_data_apart(url: str) -> None:
    first = tuned(url, dataset="here")
    other = tuned(url, "adam", fingerprint="1" * 16, dataset="there")
    assert "(data here: sgd; data there: adam)" in refused(first, other, named=False)
    twin = tuned(url, "svrg", fingerprint="1" * 16, dataset="here")
    said = refused(first, twin, named=False)
    assert f"(data {'0' * 16}: sgd; data {'1' * 16}: svrg)" in said
    fewer = tuned(url, "mars", fingerprint="2" * 16, dataset="here", limit=50)
    assert "(limit none: sgd; limit 50: mars)" in refused(first, fewer, named=False)


def test_the_storage_is_asked_the_same_way(url: str) -> None:
    for name, epochs in {"sgd": 2, "storm": 9}.items():
        tuned(url, name, epochs=epochs)
    with pytest.raises(UsageError, match=r"of 2 tasks \(epochs 2: sgd; epochs 9: storm\)"):
        read_studies([], url)
    with pytest.raises(UsageError, match=r"'storm' and 'sgd' .* \(epochs 9 and 2\)"):
        read_studies(["storm", "sgd"], url)


def test_an_own_metric_is_told_apart_by_its_source(url: str) -> None:
    """Not by where it lies."""

    def judged_by(name: str, metric: str, digest: str) -> Tuned:
        known = tuned(url, name, metric=metric)
        objects = {"metric": digest * 16}
        return replace(known, record=known.record.model_copy(update={"objects": objects}))

    one, moved = judged_by("sgd", "/m.py:f", "a"), judged_by("adam", "/else/m.py:f", "a")
    assert unlike(one, moved) == ""
    edited = judged_by("storm", "/m.py:f", "b")
    assert f"(metric m.py:f ({'a' * 8}) and m.py:f ({'b' * 8}))" in refused(one, edited)
