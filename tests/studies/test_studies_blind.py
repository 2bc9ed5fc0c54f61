"""A sampler sees all trials of a search, Hyperband's brackets or not."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import FrozenTrial
from reference.small_search import TASK, trials_of

from vrtune import search
from vrtune.studies.frozen import Pruning
from vrtune.studies.pruners import make_pruner

SEEN: list[tuple[int, int]] = []


def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Notes at each proposal of TPE how many trials it looks at, of how many."""
    draw = optuna.samplers.TPESampler._sample

    def noted(self, study: optuna.Study, trial: FrozenTrial, *args, **options):
        looked_at = optuna.pruners._filter_study(study, trial).get_trials(deepcopy=False)
        SEEN.append((len(looked_at), trial.number + 1))
        return draw(self, study, trial, *args, **options)

    SEEN.clear()
    monkeypatch.setattr(optuna.samplers.TPESampler, "_sample", noted)


def test_tpe_sees_every_bracket_of_a_search(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch)
    task = TASK.model_copy(update={"epochs": 9})
    search(
        "sgd", task, trials=16, sampler="tpe", pruner="hyperband", jobs=1, study="s", storage=url,
        retrain=0,
    )  # fmt: skip
    assert len(SEEN) >= 4, "the first ten are random"
    assert all(looked_at == of for looked_at, of in SEEN)
    assert any(trial.state.name == "PRUNED" for trial in trials_of(url))


def test_in_optunas_own_loop_it_sees_one_bracket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or the test above could not fail."""
    watched(monkeypatch)
    sampler = optuna.samplers.TPESampler(seed=1, n_startup_trials=2)
    study = optuna.create_study(sampler=sampler, pruner=make_pruner("hyperband", 27))

    def objective(trial: optuna.Trial) -> float:
        trial.report(x := trial.suggest_float("x", 0, 1), 1)
        return x + trial.should_prune()

    study.optimize(objective, n_trials=12)
    assert any(looked_at < of for looked_at, of in SEEN)


def test_the_brackets_still_decide() -> None:
    """Of a study whose pruner is taken from it after Pruning was made, as the search loop does."""
    study = optuna.create_study(study_name="s", pruner=make_pruner("hyperband", 9))
    pruning = Pruning(study)
    study.pruner = optuna.pruners.NopPruner()
    trials = [study.ask() for _ in range(12)]
    pruning.refresh()
    for trial in trials:
        pruning.report(trial.number, 1, [1.0 + trial.number])
    assert any(pruning.should_prune(trial.number) for trial in trials)
    assert not any(trial.should_prune() for trial in trials)
