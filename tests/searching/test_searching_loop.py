"""The search loop: the same trial has the same value whatever shares the device with it."""

from __future__ import annotations

import math
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState
from reference.small_search import SPACE, TASK, trials_of

from vrtune import Task, search
from vrtune.errors import UsageError
from vrtune.searching.settings import Validate
from vrtune.studies.frozen import Pruning
from vrtune.studies.pruners import PRUNERS, make_pruner, rungs


def values(url: str) -> dict[tuple[float, int], list[float]]:
    """Every complete trial's curve by its parameters."""
    return {
        (t.params["lr"], t.params["svrg"]): list(t.intermediate_values.values())
        for t in trials_of(url)
        if t.state is TrialState.COMPLETE
    }


def test_lanes_and_jobs_change_no_value(tmp_path: Path) -> None:
    found = []
    for name, options in {
        "one": {"jobs": 1},
        "slots": {"jobs": 1, "open": 3, "fuse": "on"},
        "lanes": {"jobs": 1, "open": 3, "lanes": 4, "fuse": "on"},
        "jobs": {"jobs": 2, "open": 2},
    }.items():
        url = f"sqlite:///{tmp_path}/{name}.db"
        result = search(
            SPACE, TASK, sampler="grid", pruner="none", study="s", storage=url, retrain=0, **options
        )
        assert result.trials.complete == 8
        found.append(values(url))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for params, curve in found[0].items():
            # float32 sums in another order: fused against looped
            assert other[params] == pytest.approx(curve, rel=1e-5)


@pytest.mark.parametrize(
    "pruner",
    ["hyperband", *(pytest.param(p, marks=pytest.mark.slow) for p in PRUNERS if p != "hyperband")],
)
def test_judging_at_the_rungs_only_changes_no_trial(tmp_path: Path, pruner: str) -> None:
    task, found = TASK.model_copy(update={"epochs": 10}), {}
    for validate_at in ("epochs", "rungs"):
        url = f"sqlite:///{tmp_path}/{validate_at}.db"
        search(
            SPACE, task, trials=16, sampler="random", pruner=pruner, validate_at=validate_at,
            jobs=1, open=3, fuse="on", study="s", storage=url, retrain=0,
        )  # fmt: skip
        found[validate_at] = trials_of(url)
    at = rungs(pruner, task.epochs) or range(1, task.epochs + 1)
    assert {"hyperband", "halving"}.isdisjoint([pruner]) or any(
        1 < trial.last_step < task.epochs for trial in found["rungs"]
    ), "some trials are pruned later than at once"
    for every, few in zip(found["epochs"], found["rungs"], strict=True):
        assert (few.params, few.state) == (every.params, every.state)
        assert few.user_attrs["gradient_computations"] == every.user_attrs["gradient_computations"]
        assert few.intermediate_values == pytest.approx(  # other lanes beside it, in float32
            {epoch: value for epoch, value in every.intermediate_values.items() if epoch in at},
            rel=1e-5,
        )


@pytest.mark.parametrize(
    "pruner",
    ["hyperband", *(pytest.param(p, marks=pytest.mark.slow) for p in PRUNERS if p != "hyperband")],
)
def test_trials_are_read_where_the_pruner_decides(
    url: str, pruner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One trial at a time: Optuna itself, shown the same values, ends each at the same epoch."""
    task, read = TASK.model_copy(update={"epochs": 10}), []
    refresh = Pruning.refresh
    monkeypatch.setattr(Pruning, "refresh", lambda self: (read.append(1), refresh(self)))
    search(
        SPACE, task, trials=16, sampler="random", pruner=pruner, jobs=1, open=1, fuse="off",
        study="s", storage=url, retrain=0,
    )  # fmt: skip
    trials = trials_of(url)
    at = rungs(pruner, task.epochs) or range(1, task.epochs + 1)
    assert any(t.state is TrialState.PRUNED for t in trials) or pruner == "none"
    steps = [range(1, t.last_step + 1) for t in trials]
    assert len(read) == sum(e in at and e < task.epochs for of_one in steps for e in of_one)
    again = optuna.create_study(study_name="s", pruner=make_pruner(pruner, task.epochs))
    for trial in trials:
        other = again.ask()
        for epoch, value in trial.intermediate_values.items():
            other.report(value, epoch)
            pruned = epoch < task.epochs and other.should_prune()
            assert pruned == (trial.state is TrialState.PRUNED and epoch == trial.last_step)
        complete = trial.state is TrialState.COMPLETE
        again.tell(other, trial.value if complete else None, state=trial.state)


def test_what_a_trial_keeps(url: str) -> None:
    result = search("sgd", TASK, trials=3, pruner="none", jobs=1, study="s", storage=url, retrain=0)
    for trial in trials_of(url):
        assert list(trial.intermediate_values) == [1, 2, 3]
        folds = trial.user_attrs["fold_values"]
        assert len(folds) == len(trial.user_attrs["fold_accuracies"]) == 2
        assert trial.value == trial.intermediate_values[3] == pytest.approx(sum(folds) / 2)
        batches = math.ceil(60 / 32)  # a fold of 120 samples trains on 60
        assert trial.user_attrs["gradient_computations"] == 2 * 3 * batches
        assert trial.user_attrs["config"]["optimizer"]["lr"] == trial.params["lr"]
    assert result.best is not None
    assert result.best.value == min(t.value for t in trials_of(url))
    assert result.gradient_computations == 3 * 2 * 3 * 2


@pytest.mark.parametrize("validate_at", ["epochs", "rungs"])
def test_diverged_trials_are_pruned_and_their_rows_reused(
    tmp_path: Path, url: str, validate_at: Validate
) -> None:
    path = tmp_path / "wild.py"
    path.write_text(
        "from vrtune import SGD, TrialConfig\n"
        "GRID = {'lr': [1e38, 0.1, 1e38, 0.05]}\n"
        "def suggest(trial):\n"
        "    lr = trial.suggest_float('lr', 0.01, 1e38, log=True)\n"
        "    return TrialConfig(optimizer=SGD(lr=lr))\n"
    )
    search(
        str(path),
        TASK,
        sampler="grid",
        open=2,
        jobs=1,
        study="s",
        storage=url,
        retrain=0,
        pruner="none",
        validate_at=validate_at,
        fuse="on",
    )
    by_lr = {t.params["lr"]: t for t in trials_of(url)}
    wild, tame = by_lr[1e38], by_lr[0.05]
    assert wild.state is TrialState.PRUNED
    assert wild.value is None
    assert not math.isfinite(wild.intermediate_values[1]), "what it is, for samplers to learn of"
    assert wild.user_attrs["diverged"]
    assert wild.last_step == 1, "whatever the rungs are"
    assert wild.user_attrs["fold_values"] == [None, None]
    assert tame.state is TrialState.COMPLETE
    assert tame.value is not None
    assert tame.value < math.log(10)


def test_a_part_held_out_is_one_fold(url: str) -> None:
    task = Task(model="softmax", holdout=0.25, epochs=2, limit=120, batch_size=15)
    found = search("sgd", task, trials=2, pruner="none", jobs=1, study="s", storage=url)
    for trial in trials_of(url):
        assert trial.user_attrs["fold_values"] == [trial.value]
        assert trial.user_attrs["gradient_computations"] == 2 * 90 / 15
    assert found.retrain is not None
    assert found.retrain.gradient_computations == 3 * 2 * 120 / 15, "on the whole training set"


def test_storm_grid_has_every_pair(url: str) -> None:
    task = Task(model="softmax", folds=2, epochs=1, limit=80)
    result = search("storm", task, sampler="grid", study="s", storage=url, jobs=1, retrain=0)
    pairs = {(t.params["k"], t.params["c"]) for t in trials_of(url)}
    assert pairs == {(k, c) for k in (1e-3, 1e-2, 0.1, 1.0) for c in (0.1, 1.0, 10.0, 100.0, 1e3)}
    assert result.trials.complete + result.trials.pruned == 20
    with pytest.raises(UsageError, match="whole grid"):
        search("storm", task, sampler="grid", study="s", storage=url, jobs=1, retrain=0)


def test_a_continued_search_asks_for_new_points(url: str) -> None:
    for _ in range(2):
        search("sgd", TASK, trials=3, sampler="random", jobs=1, study="s", storage=url, retrain=0)
    assert len({t.params["lr"] for t in trials_of(url)}) == 6
    assert optuna.get_all_study_names(url) == ["s"]


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (
            "{'learning_rate': [0.1]}",
            "asks for lr, which GRID does not name .it names learning_rate",
        ),
        ("{'lr': [0.1], 'momentum': [0.9]}", "never asks for"),
        ("{'lr': [5.0]}", "out of the range"),
        ("{'lr': 0.1}", "dict of non-empty lists"),
        ("[0.1]", "dict of non-empty lists"),
    ],
)
def test_a_wrong_grid_writes_nothing(tmp_path: Path, url: str, grid: str, said: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        f"from vrtune import SGD, TrialConfig\nGRID = {grid}\n"
        "def suggest(trial):\n"
        "    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', 0.01, 1.0)))\n"
    )
    with pytest.raises(UsageError, match=said):
        search(str(path), TASK, sampler="grid", storage=url)
    assert not (tmp_path / "studies.db").exists()


def test_a_grid_runs_nothing_but_its_points(url: str) -> None:
    search(SPACE, TASK, sampler="grid", trials=100, jobs=1, study="s", storage=url, retrain=0)
    assert len(trials_of(url)) == 8
