"""A study that maximises -x is the same as one that minimises x: it proposes and prunes alike."""

from __future__ import annotations

import math
from functools import cache

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import TrialState

from vrtune.strategy import AutoSampler, FoldsPruner
from vrtune.strategy.curves import read
from vrtune.studies.folds import report_folds
from vrtune.studies.pruners import PRUNERS, make_pruner
from vrtune.studies.samplers import SAMPLERS, make_sampler

EPOCHS = 12


def losses(trial: optuna.Trial, epoch: int, shift: float) -> list[float]:
    """Of three folds, which fall to an end that the settings decide; some settings diverge."""
    lr = trial.suggest_float("lr", 1e-3, 10, log=True)
    layer = trial.suggest_categorical("layer", ["none", "batch"])
    if lr > 1 and epoch > 2:
        return [math.nan] * 3
    end = 0.1 + 0.3 * math.log10(lr / 0.3) ** 2 + 0.1 * (layer == "none")
    return [end * (1 + 0.02 * fold) + math.exp(-epoch * lr) + shift for fold in range(3)]


@cache
def searched(
    sampler: str, pruner: str, sign: float, shift: float = 0.0, trials: int = 14
) -> optuna.Study:
    study = optuna.create_study(
        study_name="s",  # of which Hyperband makes its brackets
        direction="minimize" if sign > 0 else "maximize",
        sampler=make_sampler(sampler, 3, {"lr": 0.05}),
        pruner=make_pruner(pruner, EPOCHS),
    )
    for _ in range(trials):
        trial = study.ask()
        state, value = TrialState.COMPLETE, None
        for epoch in range(1, EPOCHS + 1):
            value = report_folds(trial, [sign * v for v in losses(trial, epoch, shift)], epoch)
            if not math.isfinite(value) or trial.should_prune():
                state, value = TrialState.PRUNED, None
                break
        study.tell(trial, value, state)
    return study


def story(study: optuna.Study) -> list[tuple[object, ...]]:
    """What was tried, how it ended, and the value, turned to one that is minimised."""
    sign = -1 if study.direction is StudyDirection.MAXIMIZE else 1
    return [
        (trial.params, trial.state, trial.last_step, trial.value and sign * trial.value)
        for trial in study.get_trials(deepcopy=False)
    ]


@pytest.mark.parametrize("shift", [0.0, -0.3])  # losses of one sign, and of both
@pytest.mark.parametrize("pruner", ["folds", "none"])
def test_what_is_maximised_is_searched_as_its_negative(pruner: str, shift: float) -> None:
    least, most = searched("auto", pruner, 1, shift), searched("auto", pruner, -1, shift)
    assert story(least) == story(most)
    assert least.best_trial.number == most.best_trial.number
    states = [trial.state for trial in most.trials]
    assert states.count(TrialState.PRUNED) > (3 if pruner == "folds" else 0)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS.keys() - {"auto", "gp"}))
def test_optunas_samplers_take_either_direction(sampler: str) -> None:
    assert story(searched(sampler, "folds", 1)) == story(searched(sampler, "folds", -1))


@pytest.mark.parametrize("pruner", sorted(PRUNERS.keys() - {"folds"}))
def test_optunas_pruners_take_either_direction(pruner: str) -> None:
    assert story(searched("random", pruner, 1)) == story(searched("random", pruner, -1))


def test_a_diverged_trial_is_never_the_best() -> None:
    study = searched("auto", "folds", -1)
    curves = read(study, study.trials)
    diverged = [curve for curve in curves.known if curve.diverged]
    assert diverged
    assert all(curves.expected(curve) > curves.expected(curves.best()) + 1 for curve in diverged)
    assert study.best_trial.state is TrialState.COMPLETE


def accuracies(*trials: list[list[float]]) -> optuna.Study:
    """Running trials that have reported the accuracies of their folds."""
    study = optuna.create_study(
        direction="maximize", sampler=AutoSampler(seed=0), pruner=FoldsPruner(epochs=20)
    )
    for epochs in trials:
        trial = study.ask()
        for epoch, folds in enumerate(epochs, 1):
            report_folds(trial, folds, epoch)
    return study


def pruned(study: optuna.Study) -> list[bool]:
    return [study.pruner.prune(study, trial) for trial in study.trials]


def test_the_less_accurate_trial_is_lost() -> None:
    good, bad = [[0.5, 0.6], [0.8, 0.8], [0.9, 0.92]], [[0.2, 0.1], [0.2, 0.2], [0.2, 0.22]]
    assert pruned(accuracies(good, bad)) == [False, True]
    assert pruned(accuracies(bad, good)) == [True, False]


def test_equal_accuracies_at_one_epoch_make_no_twin() -> None:
    """There are few different ones: a trial that has all in common is a twin."""
    one, other = [[0.5], [0.7], [0.9]], [[0.6], [0.8], [0.9]]
    assert pruned(accuracies(one, other)) == [False, False]
    assert pruned(accuracies(one, one)) == [False, True]
