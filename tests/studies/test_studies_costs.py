"""What a trial had spent after each epoch: from the search, and where it does not say."""

from __future__ import annotations

import optuna
import pytest
from reference.small_search import TASK

from vrtune import search
from vrtune.storages.opening import open_to_read
from vrtune.studies.costs import COSTS, costs
from vrtune.studies.outcome import number
from vrtune.studies.record import load_study


def trial(kept: object = None) -> optuna.trial.FrozenTrial:
    attrs = {} if kept is None else {COSTS: kept}
    return optuna.trial.create_trial(value=1.0, system_attrs=attrs)


def test_each_epoch_of_a_search_costs_what_its_method_pays(url: str) -> None:
    """SVRG pays two a step and a pass a snapshot: 2 folds of 60 samples, 2 steps of 32 each."""
    search("svrg", TASK, trials=1, jobs=1, storage=url, study="s", retrain=0, confirm=0)
    (only,) = load_study(open_to_read(url), "s", url).get_trials()
    spent = number(only, "gradient_computations")
    assert spent is not None
    assert costs(only, [1, 2, 3], spent) == {1: 12.0, 2: 24.0, 3: 36.0}
    assert spent == 36.0


def test_epochs_that_were_not_judged_are_passed_over() -> None:
    assert costs(trial([3.0, 9.0, 12.0]), [1, 3], 12.0) == {1: 3.0, 3: 12.0}


@pytest.mark.parametrize(
    "kept", [None, [1.0], [3.0, 2.0, 1.0], ["a", "b", "c"], [True, True, True], {}, "abc", 5]
)
def test_without_them_the_whole_is_spread_evenly(kept: object) -> None:
    assert costs(trial(kept), [1, 3], 12.0) == {1: 4.0, 3: 12.0}


@pytest.mark.parametrize("kept", [[10**400] * 3, [1.0, float("inf")], [0.0, float("nan"), 1.0]])
def test_what_is_no_finite_number_is_not_believed(kept: object) -> None:
    assert costs(trial(kept), [1, 2], 12.0) == {1: 6.0, 2: 12.0}


def test_others_may_count_their_epochs_from_0() -> None:
    assert costs(trial([3.0, 9.0]), [0], 12.0) == {0: 0.0}
    assert costs(trial(), [0], 12.0) == {0: 0.0}
    assert costs(trial([3.0, 9.0]), [0, 2], 12.0) == {0: 0.0, 2: 12.0}


def test_a_trial_that_was_never_judged_has_none() -> None:
    assert costs(trial(), [], 0.0) == {}
