"""The same on every run: no clock and no way of computing has a say in what is proposed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from reference.small_search import TASK, trials_of

from vrtune import search


def proposed(url: str, **options: Any) -> list[FrozenTrial]:
    """The trials of a search by one process, whose proposals depend on what has ended."""
    task = TASK.model_copy(update={"epochs": 6})
    search(
        "sgd", task, trials=16, sampler="tpe", pruner="median", jobs=1, study="s", storage=url,
        retrain=0, **options,
    )  # fmt: skip
    return trials_of(url)


def test_two_runs_are_equal(tmp_path: Path) -> None:
    """By one process, without further options: to the last bit."""
    one, other = (proposed(f"sqlite:///{tmp_path}/{name}.db") for name in ("one", "other"))
    assert len({trial.params["lr"] for trial in one}) == 16
    assert {trial.state for trial in one} == {TrialState.COMPLETE, TrialState.PRUNED}
    for mine, yours in zip(one, other, strict=True):
        assert (mine.params, mine.state, mine.value) == (yours.params, yours.state, yours.value)
        assert mine.intermediate_values == yours.intermediate_values


@pytest.mark.parametrize("open_trials", [pytest.param(1, marks=pytest.mark.slow), 6])
def test_how_it_is_computed_changes_no_proposal(tmp_path: Path, open_trials: int) -> None:
    """Lanes at once and fused or looped: the same settings, tried as long, in the same order."""
    ways = [{"lanes": 12}, {"lanes": 3}, {"lanes": 1}, {"fuse": "off"}]
    found = [
        proposed(f"sqlite:///{tmp_path}/{i}.db", open=open_trials, **{"fuse": "on", **way})
        for i, way in enumerate(ways)
    ]
    assert any(trial.state is TrialState.PRUNED for trial in found[0])
    for other in found[1:]:
        for mine, yours in zip(found[0], other, strict=True):
            assert (mine.params, mine.state) == (yours.params, yours.state)
            blows_up = max(mine.intermediate_values.values()) > 10  # and rounding with it
            close = pytest.approx(yours.intermediate_values, rel=1e-2 if blows_up else 1e-5)
            assert mine.intermediate_values == close


def test_the_sampler_knows_how_the_only_trial_ended(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before it is asked for another; with more under way, successors are asked for ahead."""
    running, names = list[int](), ["median", "hyperband", "none", "two"]
    ask = optuna.Study.ask

    def asked(study: optuna.Study, *args: Any) -> optuna.Trial:
        if study.study_name in names:  # and not that which tries the space
            running.append(sum(t.state is TrialState.RUNNING for t in study.get_trials()))
        return ask(study, *args)

    monkeypatch.setattr(optuna.Study, "ask", asked)
    for pruner in names[:3]:
        search(
            "sgd",
            TASK,
            trials=4,
            pruner=pruner,
            jobs=1,
            sampler="tpe",
            study=pruner,
            storage=url,
            retrain=0,
        )
    assert running == [0] * 12
    running.clear()
    search(
        "sgd",
        TASK,
        trials=4,
        pruner="none",
        jobs=1,
        sampler="tpe",
        open=2,
        study="two",
        storage=url,
        retrain=0,
    )
    assert running == [0, 1, 2, 3], "both of the first are in their last epoch"
