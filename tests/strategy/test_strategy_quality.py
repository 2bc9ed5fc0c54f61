"""AutoSampler finds more than chance does, in time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import TrialState, create_trial

from vrtune import AutoSampler, FoldsPruner, report_folds
from vrtune.strategy import together

FLOOR = 0.05  # a loss of 0 is never reached


def ball(dimensions: int) -> Callable[[optuna.Trial], float]:
    def objective(trial: optuna.Trial) -> float:
        at = [trial.suggest_float(f"x{i}", 0, 1) for i in range(dimensions)]
        return FLOOR + sum((x - 0.2 - 0.1 * i) ** 2 for i, x in enumerate(at))

    return objective


def mixed(trial: optuna.Trial) -> float:
    """Like a learning rate, a rule and a width."""
    lr = trial.suggest_float("lr", 1e-5, 10, log=True)
    best = {"sgd": 1.0, "adam": -2.0}[trial.suggest_categorical("rule", ["sgd", "adam"])]
    height = FLOOR if best < 0 else 0.2
    return height + (math.log10(lr) - best) ** 2 / 10 + (trial.suggest_int("n", 1, 8) - 3) ** 2 / 99


def found(
    make: Callable[[int], BaseSampler], objective: Callable[[optuna.Trial], float], trials: int
) -> float:
    """The best value that five studies found, their median."""
    values = []
    for seed in range(5):
        study = optuna.create_study(sampler=make(seed))
        study.optimize(objective, n_trials=trials)
        values.append(study.best_value)
    return median(values)


@pytest.mark.parametrize(
    ("objective", "trials", "share"),
    [(ball(2), 12, 0.5), (ball(4), 16, 0.75), (mixed, 12, 0.3)],
    ids=["two", "four", "mixed"],
)
def test_it_finds_better_settings_than_chance(
    objective: Callable[[optuna.Trial], float], trials: int, share: float
) -> None:
    """Above the least that there is."""
    by_model = found(lambda seed: AutoSampler(seed=seed), objective, trials) - FLOOR
    by_chance = found(lambda seed: RandomSampler(seed=seed), objective, trials) - FLOOR
    assert by_model <= share * by_chance


@pytest.mark.parametrize("dimensions", [1, 3, 6])
def test_any_number_of_parameters(dimensions: int) -> None:
    study = optuna.create_study(sampler=AutoSampler(seed=1))
    study.optimize(ball(dimensions), n_trials=8)
    values = [trial.value for trial in study.trials]
    assert min(values[4:]) < min(values[:3]), "the model improves on the spread"
    assert together(dimensions) == 2 + dimensions


def large(trials: int, epochs: int = 10) -> optuna.Study:
    """A study of many trials with four folds each, a third of them complete."""
    rng, log = np.random.default_rng(0), FloatDistribution(1e-5, 10, log=True)
    study = optuna.create_study(sampler=AutoSampler(default={"a": 0.1}, seed=0))
    study.pruner = FoldsPruner(epochs)
    for number in range(trials):
        last = epochs if number % 3 == 0 else int(rng.integers(2, epochs - 1))
        losses = {e: [float(x) for x in rng.uniform(1 / e, 2 / e, 4)] for e in range(1, last + 1)}
        means = {e: sum(four) / 4 for e, four in losses.items()}
        complete = last == epochs
        trial = create_trial(
            state=TrialState.COMPLETE if complete else TrialState.PRUNED,
            value=means[last] if complete else None,
            params={n: float(10 ** rng.uniform(-5, 1)) for n in "abc"},
            distributions=dict.fromkeys("abc", log),
            intermediate_values=means,
            system_attrs={f"folds:{e}": four for e, four in losses.items()},
        )
        study.add_trial(trial)
    return study


def test_a_thousand_trials_do_not_slow_it_down() -> None:
    study = large(1000)
    asking, judging = [], []
    for _ in range(3):
        began = time.thread_time()
        trial = study.ask()
        for name in "abc":
            trial.suggest_float(name, 1e-5, 10, log=True)
        asking.append(time.thread_time() - began)
        for epoch in (1, 2, 3):
            report_folds(trial, [5.0] * 4, epoch)
        began = time.thread_time()
        assert trial.should_prune()
        judging.append(time.thread_time() - began)
    assert min(asking) < 1.0
    assert min(judging) < 0.5
