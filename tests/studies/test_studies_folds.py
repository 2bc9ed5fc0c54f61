"""What a trial's folds say is kept with it, in any storage."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from vrtune import report_folds
from vrtune.errors import UsageError
from vrtune.storages.opening import open_storage
from vrtune.strategy.curves import read
from vrtune.studies.folds import as_attributes, mean
from vrtune.studies.frozen import Pruning


def test_the_mean_is_reported_and_each_fold_kept(url: str) -> None:
    study = optuna.create_study(storage=open_storage(url))
    trial = study.ask()
    report_folds(trial, [0.3, 0.5], epoch=1)
    report_folds(trial, [0.2, 0.3], epoch=2)
    kept = optuna.load_study(study_name=study.study_name, storage=url).trials[0]
    assert kept.intermediate_values == pytest.approx({1: 0.4, 2: 0.25})
    (curve,) = read(study, [kept]).known
    assert {e: list(folds) for e, folds in curve.folds.items()} == {
        1: pytest.approx([math.log(0.3), math.log(0.5)]),
        2: pytest.approx([math.log(0.2), math.log(0.3)]),
    }


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_fold_that_is_not_finite_is_kept_as_such(url: str, bad: float) -> None:
    """SQLite's JSON, and PostgreSQL's, have no NaN."""
    study = optuna.create_study(storage=open_storage(url))
    for losses in ([0.5, 0.5], [0.25, bad]):
        report_folds(study.ask(), losses, epoch=1)
    good, broken = read(study, study.trials).known
    assert broken.diverged
    assert broken.folds[1][0] == pytest.approx(math.log(0.25))
    assert broken.folds[1][1] > max(good.folds[1])
    assert not math.isfinite(study.trials[1].intermediate_values[1])
    assert as_attributes([0.25, bad], 1) == {"folds:1": [0.25, None]}


def test_the_mean_of_folds() -> None:
    assert mean([0.25, 0.75]) == 0.5
    assert math.isnan(mean([0.25, math.nan]))
    assert mean([0.25, math.inf]) == math.inf


def test_a_frozen_study_keeps_them_likewise() -> None:
    study = optuna.create_study()
    trials = [study.ask() for _ in range(2)]
    pruning = Pruning(study)
    pruning.refresh()
    for trial in trials:
        report_folds(trial, [0.5, math.nan], epoch=3)
        pruning.report(trial.number, 3, [0.5, math.nan])
    for trial, frozen in zip(study.trials, pruning.storage.trials.values(), strict=True):
        assert frozen.system_attrs == trial.system_attrs
        assert frozen.intermediate_values == pytest.approx(trial.intermediate_values, nan_ok=True)


@pytest.mark.parametrize("losses", [np.array([0.25, 0.75]), torch.tensor([0.25, 0.75])])
def test_losses_may_be_an_array(losses: Any) -> None:
    trial = optuna.create_study().ask()
    assert report_folds(trial, losses, np.int64(1)) == 0.5
    assert trial.study.trials[0].system_attrs["folds:1"] == [0.25, 0.75]


@pytest.mark.parametrize("losses", [(), None, 0.5, "ab", [None], [10**400], [[1.0, 2.0]]])
def test_losses_that_are_no_numbers_are_refused(losses: Any) -> None:
    with pytest.raises(UsageError, match="trial 0 reports no losses: give a number for each fold"):
        report_folds(optuna.create_study().ask(), losses, 1)


@pytest.mark.parametrize("epoch", ["1", 1.5, -1, None, True])
def test_an_epoch_is_a_whole_number(epoch: Any) -> None:
    with pytest.raises(UsageError, match="give a whole number"):
        report_folds(optuna.create_study().ask(), [0.5], epoch)


def test_a_trial_that_keeps_nothing() -> None:
    assert report_folds(optuna.trial.FixedTrial({}), [0.25, 0.75], 1) == 0.5  # type: ignore[arg-type]
