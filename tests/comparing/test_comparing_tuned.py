"""A study read once for all comparisons: numbers as the study has them, whoever wrote them."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial

from vrtune.comparing.tuned import labelled, read_tuned
from vrtune.config import Task
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import RECORD, StudyRecord, load_study

LR = {"lr": FloatDistribution(0.001, 1.0, log=True)}


def study_of(*trials: optuna.trial.FrozenTrial, **record: object) -> optuna.Study:
    study = optuna.create_study(study_name=str(record.pop("name", "s")))
    known = {"task": Task(), "space": "sgd", "fingerprint": "0" * 16} | record
    kept = StudyRecord.model_validate(known | {"data_dir": "d", "version": "0"})
    study.set_user_attr(RECORD, kept.model_dump(mode="json"))
    study.add_trials(trials)
    return study


def trial(value: float | None = None, **given: object) -> optuna.trial.FrozenTrial:
    state = TrialState.COMPLETE if value is not None else TrialState.PRUNED
    attrs = {"config": {}, "gradient_computations": 12.0} | dict(given)
    return create_trial(
        state=state,
        value=value,
        params={"lr": 0.1},
        distributions=LR,
        user_attrs=attrs,
        system_attrs={"folds:1": [2.0, None], "folds:2": [0.2, 0.4]},
        intermediate_values={1: math.nan, 2: 0.3},
    )


def test_a_search_is_read_as_it_was(found: tuple[SearchResult, str]) -> None:
    result, url = found
    tuned = read_tuned(load_study(open_to_read(url), result.study, url))
    assert result.best is not None
    assert result.retrain is not None
    assert tuned.choice is not None
    assert (tuned.choice.number, tuned.choice.value) == (result.best.number, result.best.value)
    assert list(tuned.choice.folds) == result.best.fold_values
    assert tuned.choice.costs[tuned.choice.epochs] == tuned.choice.spent
    assert (tuned.spent, tuned.confirm_spent) == (
        result.gradient_computations,
        result.confirm_gradient_computations,
    )
    assert tuned.again == result.retrain
    assert tuned.training_cost == result.retrain.gradient_computations / 2  # of two seeds
    assert tuned.samplers == {"auto"}
    assert tuned.seconds is not None
    assert tuned.seconds > 0
    assert (tuned.label, tuned.counts.complete) == ("sgd", result.trials.complete)


def test_folds_that_diverged_are_nan() -> None:
    first = read_tuned(study_of(trial(0.3))).trials[0]
    assert first.values[2] == (0.2, 0.4)
    assert first.values[1][0] == 2.0
    assert math.isnan(first.values[1][1])
    assert dict(first.costs) == {1: 6.0, 2: 12.0}


def test_a_trial_that_diverged_is_not_called_pruned() -> None:
    tuned = read_tuned(study_of(trial(), trial(diverged=True), trial(0.3)))
    assert [t.state for t in tuned.trials] == ["pruned", "diverged", "complete"]
    assert [t.number for t in tuned.complete] == [2]
    assert tuned.choice == tuned.trials[2]


@pytest.mark.parametrize("wrong", ["x", [1, "x"], {"a": 1}, None, 5])
def test_what_others_wrote_is_passed_over(wrong: object) -> None:
    first = read_tuned(study_of(trial(0.3, fold_accuracies=wrong, seconds=wrong))).trials[0]
    assert first.metrics == {}
    assert first.seconds in (None, 5)


def test_an_empty_study_has_no_choice() -> None:
    tuned = read_tuned(study_of())
    assert (tuned.choice, tuned.again, tuned.training_cost, tuned.seconds) == (None,) * 4
    assert (tuned.spent, tuned.confirm_spent) == (0, 0)


def test_labels_are_told_apart() -> None:
    names = {"a": {}, "b": {}, "c": {"space": "adam"}, "d": {"task": Task(init="metainit")}}
    tuned = [read_tuned(study_of(name=name, **record)) for name, record in names.items()]
    assert [t.label for t in labelled(tuned)] == ["a", "b", "adam", "sgd + metainit"]
