"""The choice among trials: by all that was seen of each, and never one that fails now and then."""

from __future__ import annotations

import math

import optuna
import pytest
from optuna.trial import TrialState

from vrtune.studies.choice import (
    Confirmed,
    candidates,
    confirmation,
    confirmations,
    count_failed,
    failed_seeds,
    failure_limit,
    keep,
    ranked,
)
from vrtune.studies.record import find_trial


def study_of(*values: float) -> optuna.Study:
    study = optuna.create_study()
    for value in values:
        trial = study.ask()
        trial.set_user_attr("config", {})
        study.tell(trial, value)
    return study


def confirmed(trial: int, mean: float | None, failed: int = 0, trainings: int = 8) -> Confirmed:
    return Confirmed(
        trial=trial,
        losses=[[mean, mean]] * 3,
        accuracies=[[0.9, None]] * 3,
        failed=failed,
        trainings=trainings,
        gradient_computations=5.0,
        mean=mean,
    )


def numbers(trials: list[optuna.trial.FrozenTrial]) -> list[int]:
    return [trial.number for trial in trials]


def test_without_confirmations_the_values_decide() -> None:
    study = study_of(0.3, 0.1, 0.2, 0.1)
    study.tell(study.ask(), state=TrialState.FAIL)
    pruned = study.ask()
    pruned.report(0.01, 1)
    study.tell(pruned, state=TrialState.PRUNED)
    study.ask()
    assert numbers(ranked(study)) == [1, 3, 2, 0]
    assert confirmations(study) == []
    assert ranked(study_of()) == []


def test_the_confirmed_come_first_by_what_was_seen_of_them() -> None:
    study = study_of(0.10, 0.11, 0.12, 0.13)
    keep(study, confirmed(0, 0.20))
    keep(study, confirmed(2, 0.15))
    assert numbers(ranked(study)) == [2, 0, 1, 3]
    assert find_trial(study).number == 2
    assert [c.trial for c in confirmations(study)] == [2, 0]


def test_what_fails_on_some_starts_comes_after_what_never_does() -> None:
    study = study_of(0.10, 0.11, 0.12, 0.13, 0.14)
    keep(study, confirmed(0, 0.09, failed=2))
    keep(study, confirmed(1, 0.30))
    keep(study, confirmed(2, 0.08, failed=1))
    keep(study, confirmed(3, None, failed=8))
    assert numbers(ranked(study)) == [1, 2, 0, 3, 4]


def test_shares_of_failures_are_compared_and_no_numbers() -> None:
    study = study_of(0.1, 0.2)
    keep(study, confirmed(0, 0.2, failed=2, trainings=8))
    keep(study, confirmed(1, 0.2, failed=3, trainings=16))
    assert numbers(ranked(study)) == [1, 0]


def test_the_most_promising_is_one_that_was_not_judged_yet() -> None:
    """Its value is all that is known, and beats what the others turned out to be."""
    study = study_of(0.10, 0.11, 0.12, 0.5)
    keep(study, confirmed(0, 0.20))
    assert [c.number for c in candidates(study)] == [1, 2, 0, 3]
    keep(study, confirmed(1, 0.11, failed=1))
    assert [c.number for c in candidates(study)] == [2, 0, 3, 1]
    assert candidates(study)[1].confirmed == confirmation(study, 0)


def test_a_confirmation_is_kept_in_any_storage(url: str) -> None:
    study = optuna.create_study(study_name="s", storage=url)
    trial = study.ask()
    trial.set_user_attr("config", {})
    study.tell(trial, 0.5)
    keep(study, confirmed(0, 0.25))
    keep(study, record := confirmed(0, None, failed=1))  # judged once more
    again = optuna.load_study(study_name="s", storage=url)
    assert confirmation(again, 0) == record
    assert confirmation(again, 1) is None
    assert confirmations(again) == [record]


def test_what_was_added_by_hand_is_not_chosen() -> None:
    """It has no setting that could be trained again."""
    study = study_of(0.3, 0.2)
    study.tell(study.ask(), 0.1)
    assert numbers(ranked(study)) == [1, 0]
    alone = study_of()
    alone.tell(alone.ask(), 0.1)
    assert ranked(alone) == []


@pytest.mark.parametrize(
    "attrs",
    [
        {"config": "x"},
        {"config": {}, "fold_values": "abc"},
        {"config": {}, "fold_values": [0.1, "b"]},
        {"config": {}, "fold_values": []},
        {"config": {}, "fold_values": {"a": 1}},
        {"config": {}, "worker": 3, "seconds": "long", "gradient_computations": None},
    ],
)
def test_whatever_a_trial_says_of_itself_others_are_ranked(attrs: dict[str, object]) -> None:
    study = study_of(0.3)
    study.add_trial(optuna.trial.create_trial(value=0.1, user_attrs=attrs))
    study.set_user_attr("confirm-1", {"losses": "none"})
    assert numbers(ranked(study))[-1] == 0
    assert (len(candidates(study)) == 2) == isinstance(attrs["config"], dict)


@pytest.mark.parametrize("values", [[0.1, 0.2], [math.inf]])
def test_values_that_cannot_be_compared(values: list[float], url: str) -> None:
    study = optuna.create_study(storage=url)
    for trial in study_of(0.3).trials:
        study.add_trial(trial)
    trial = optuna.trial.create_trial(values=values, user_attrs={"config": {}})
    study._storage.create_new_trial(study._study_id, trial)  # as another program could
    assert numbers(ranked(study)) == [0]


def test_nothing_is_chosen_among_several_objectives() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"])
    study.tell(study.ask(), [0.1, 0.9])
    assert candidates(study) == []
    assert ranked(study) == []
    assert confirmations(study) == []


@pytest.mark.parametrize(
    ("losses", "failed"),
    [
        ([0.08, 0.08, 0.07, 2.2, 0.09, 0.08], 1),
        ([0.13, 0.13, 0.12, 0.357, 0.14], 0),
        ([0.13, math.nan, 0.12, math.inf], 2),
        ([math.nan] * 3, 3),
        ([1.9, 2.0, 2.1], 0),
        ([0.9, 1.0, 1.1, 2.2, 2.3], 2),
        ([0.1], 0),
        ([], 0),
    ],
)
def test_trainings_that_learned_little(losses: list[float], failed: int) -> None:
    """Of ten classes, of which a guess has a loss of 2.30."""
    assert failed_seeds(losses, guess=math.log(10)) == failed


def test_a_guess_is_better_among_fewer_classes() -> None:
    losses = [0.1, 0.1, 0.1, 0.4]
    assert failed_seeds(losses, guess=math.log(2)) == 1
    assert failed_seeds(losses, guess=math.log(100)) == 0


def test_a_setting_that_never_learns_fails_beside_one_that_does() -> None:
    """By its own measure all of it would be usual, and a rare failure of the other worse."""
    learns, never = [0.1, 0.12, 0.09, 2.2], [2.28, 2.29, 2.3, 2.28]
    limit = failure_limit([learns, never], guess=math.log(10))
    assert count_failed(learns, limit) == 1
    assert count_failed(never, limit) == 4
    study = study_of(0.1)
    bad = study.ask()
    bad.set_user_attr("config", {})
    bad.set_user_attr("fold_values", never)
    study.tell(bad, 2.29)
    keep(study, confirmed(0, 0.6, failed=1).model_copy(update={"classes": 10}))
    assert [c.number for c in candidates(study)] == [0, 1]


@pytest.mark.parametrize(
    "wrong", [{"trainings": 0}, {"trainings": -3}, {"classes": -1}, {"failed": 10**400}]
)
def test_a_confirmation_that_counts_nothing_is_passed_over(wrong: dict[str, int]) -> None:
    study = study_of(0.3, 0.1)
    study.set_user_attr("confirm-1", confirmed(1, 0.2).model_dump(mode="json") | wrong)
    assert numbers(ranked(study)) == [1, 0]
    assert confirmations(study) == []
