"""Early stopping: on the folds alone, at an epoch that all of them share."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from vrtune import Task, export, load_config, retrain, search
from vrtune.errors import UsageError
from vrtune.lanes.pool import Standing
from vrtune.searching.early import EarlyStopping, check_early
from vrtune.searching.settings import SearchSettings
from vrtune.studies.choice import confirmations

SPACE = '''\
"""One learning rate, far too large to settle."""
from vrtune import SGD, TrialConfig, Cosine

def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 2.0, 4.0)), schedule=Cosine())
'''


def entry(folds: list[list[float]], metric: str = "loss") -> Any:
    """A trial that was judged after every epoch: folds[k][epoch]."""
    standings = [
        Standing(i + 1, [], list(values), 10.0 * (i + 1), {"accuracy": list(values)}, metric)
        for i, values in enumerate(zip(*folds, strict=True))
    ]
    return SimpleNamespace(judged=standings, last=None)


def stops(folds: list[list[float]], patience: int | None, direction: str = "minimize") -> bool:
    return EarlyStopping(patience, direction).is_over(entry(folds))


def test_a_trial_stops_once_the_mean_has_not_improved_for_so_long() -> None:
    mean_falls = [[3.0, 1.0, 5.0], [3.0, 4.9, 0.8]]  # 3, 2.95, 2.9: no fold falls all the time
    assert not stops(mean_falls, 1)
    waits = [[3.0, 2.0, 2.0, 2.5], [3.0, 2.0, 2.0, 1.6]]  # as good is no better
    assert [stops([fold[:n] for fold in waits], 2) for n in (2, 3, 4)] == [False, False, True]
    assert not stops(waits, 3)
    assert not stops(waits, None)
    assert stops([[0.5, 0.4]], 1, "maximize")
    assert not stops([[0.5, 0.6]], 1, "maximize")


def test_the_value_is_that_at_the_rounded_mean_of_the_folds_best_epochs() -> None:
    """No fold is judged at its own best: they are best at 1, 2 and 4, and judged at 2."""
    held = entry([[1.0, 1.5, 9.0, 9.0], [9.0, 1.0, 9.0, 9.0], [4.0, 3.0, 2.0, 1.0]])
    standing, told = EarlyStopping(2, "minimize").kept(held, held.judged[-1], TrialState.COMPLETE)
    assert told == {"kept_epochs": 2, "fold_epochs": [1, 2, 4]}
    assert standing.losses == [1.5, 1.0, 3.0]
    assert held.last == pytest.approx(5.5 / 3)
    assert (standing.epoch, standing.gradient_computations) == (4, 40.0), "all that was spent"


def test_half_an_epoch_counts_as_one_and_more_may_be_better() -> None:
    held = entry([[0.1, 0.9, 0.2, 0.2], [0.1, 0.3, 0.8, 0.2]], "accuracy")
    _, told = EarlyStopping(1, "maximize").kept(held, held.judged[-1], TrialState.COMPLETE)
    assert told == {"kept_epochs": 3, "fold_epochs": [2, 3]}


def test_without_patience_and_of_pruned_trials_the_end_counts() -> None:
    held = entry([[1.0, 2.0], [1.0, 2.0]])
    for patience, state in ((None, TrialState.COMPLETE), (1, TrialState.PRUNED)):
        kept = EarlyStopping(patience, "minimize").kept(held, held.judged[-1], state)
        assert kept == (held.judged[-1], {})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"validate_at": "rungs"}, "^--patience counts epochs without a better value"),
        ({"artifacts": "weights"}, "^--patience keeps an epoch before the last"),
    ],
)
def test_what_it_can_not_go_with(given: dict[str, Any], said: str) -> None:
    settings = SearchSettings(**given)
    check_early(None, settings)
    with pytest.raises(UsageError, match=said):
        check_early(3, settings)


def test_a_search_keeps_epochs_and_all_that_follows_trains_so_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Confirmation, retraining, weights and exports; the schedule is still that of all epochs."""
    monkeypatch.chdir(tmp_path)
    Path("wild.py").write_text(SPACE)
    task = Task(model="softmax", epochs=12, patience=1, folds=2, limit=200)
    given = {"storage": "sqlite:///s.db", "progress": False, "jobs": 1}
    found = search("wild.py", task, trials=2, pruner="none", confirm=1, retrain=2, **given)
    study = optuna.load_study(study_name=found.study, storage="sqlite:///s.db")
    steps = 2 * 4  # of an epoch, of both folds: 100 samples each in batches of 32
    assert min(trial.last_step or 0 for trial in study.trials) < 12
    for trial in study.trials:
        kept, folds = trial.user_attrs["kept_epochs"], trial.user_attrs["fold_epochs"]
        reported = trial.intermediate_values
        best = min(reported, key=lambda e: (reported[e], e))
        assert trial.last_step == min(12, best + 1)
        assert kept == int(sum(folds) / 2 + 0.5)
        assert (
            trial.value == reported[kept] == pytest.approx(sum(trial.user_attrs["fold_values"]) / 2)
        )
        assert trial.user_attrs["gradient_computations"] == steps * trial.last_step
        again = next((c for c in confirmations(study) if c.trial == trial.number), None)
        assert again is None or again.gradient_computations == steps * kept
        done = next(r for r in found.retrained if r.trial == trial.number)
        assert {len(curve) for curve in done.train_losses} == {kept} == {len(done.costs or ())}
    assert found.best is not None
    assert found.best.kept_epochs is not None
    number, kept = found.best.number, found.best.kept_epochs
    (alone,) = retrain(found.study, storage=given["storage"], trial=number, progress=False)
    (first,) = [r for r in found.retrained if r.trial == number]
    for mine, theirs in zip(alone.train_losses, first.train_losses, strict=False):
        assert len(mine) == len(theirs) == kept
        assert mine[0] == pytest.approx(theirs[0], rel=1e-4)  # such steps magnify what rounds
    Path("best.json").write_text(export(found.study, storage=given["storage"]))
    exported = load_config("best.json")
    assert exported.kept_epochs == exported.results.cross_validation.epochs == kept
    assert (
        exported.results.cross_validation.fold_epochs
        == study.trials[number].user_attrs["fold_epochs"]
    )
    text = export(found.study, storage=given["storage"], format="python")
    assert f'"--kept", type=int, default={kept}' in text
    assert "for epoch in range(kept):" in text
