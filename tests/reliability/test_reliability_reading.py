"""What the fault harness counts: each thing that must not happen is seen where it has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

POINTS = [{"lr": 0.1}, {"lr": 0.2}]
EPOCHS, EVERY = 6, 2


def value(lr: float, epoch: int) -> float:
    return lr / epoch


def trial(
    lr: float, epochs: int = EPOCHS, state: TrialState = TrialState.COMPLETE, **attributes: Any
) -> FrozenTrial:
    """One that has reported so many epochs."""
    values = {epoch: value(lr, epoch) for epoch in range(1, epochs + 1)}
    return create_trial(
        state=state,
        value=values[epochs] if state is TrialState.COMPLETE else None,
        params={"lr": lr},
        distributions={"lr": FloatDistribution(0, 1)},
        intermediate_values=values,
        user_attrs={name.replace("_", " "): given for name, given in attributes.items()},
        system_attrs={f"folds:{epoch}": [v, v] for epoch, v in values.items()},
    )


def cut(lr: float, epochs: int, **attributes: Any) -> FrozenTrial:
    """One that was cut off after so many."""
    return trial(lr, epochs, TrialState.FAIL, cut_off=True, **attributes)


@pytest.fixture
def reading(part: Callable[[str], ModuleType]) -> ModuleType:
    return part("reading")


@pytest.fixture
def counted(reading: ModuleType) -> Callable[..., Any]:
    def count(*trials: FrozenTrial, seen: Mapping[int, str] | None = None) -> Any:
        study = optuna.create_study()
        study.add_trials(trials)
        whole = {reading.point(p): reading.curve(trial(**p)) for p in POINTS}
        return reading.count(study.get_trials(), POINTS, seen or {}, whole, EVERY)

    return count


def test_a_run_without_faults(counted: Callable[..., Any]) -> None:
    found = counted(trial(0.1), trial(0.2))
    assert (found.points, found.epochs) == (2, 2 * EPOCHS)
    assert not any(v for k, v in found.record().items() if k not in ("points", "epochs"))


def test_a_trial_that_is_gone_or_changed_is_lost(
    counted: Callable[..., Any], reading: ModuleType
) -> None:
    study = optuna.create_study()
    study.add_trials([trial(0.1), trial(0.2)])
    seen = reading.ended(study.get_trials())
    assert counted(trial(0.1), trial(0.2), seen=seen).lost == 0
    assert counted(trial(0.1), seen=seen).lost == 2  # the trial, and what it was to try
    assert counted(trial(0.1), cut(0.2, 3), trial(0.2), seen=seen).lost == 1
    assert counted(trial(0.1), trial(0.2, EPOCHS - 1), seen=seen).lost == 1


@pytest.mark.parametrize("state", [TrialState.RUNNING, TrialState.WAITING])
def test_a_trial_that_nobody_trains_is_stuck(
    counted: Callable[..., Any], state: TrialState
) -> None:
    assert counted(trial(0.1), trial(0.2), trial(0.2, 3, state)).stuck == 1


def test_a_setting_that_ends_twice_or_fails_is_doubled(counted: Callable[..., Any]) -> None:
    assert counted(trial(0.1), trial(0.2), trial(0.2)).doubled == 1
    assert counted(trial(0.1), trial(0.2), trial(0.2, 3, TrialState.FAIL)).doubled == 1
    twice = [cut(0.2, 3), trial(0.2, again=1), cut(0.2, 3, again=1)]
    assert counted(trial(0.1), *twice).doubled == 1


def test_epochs_that_are_trained_again(counted: Callable[..., Any]) -> None:
    """Along the whole chain: the second one was cut off before it came as far as the first."""
    chain = [cut(0.2, 5), cut(0.2, 4, again=1, continued=4), trial(0.2, again=2, continued=4)]
    found = counted(trial(0.1), *chain)
    assert (found.cut_off, found.again, found.most, found.anew) == (2, 1, 1, 0)
    assert found.epochs == EPOCHS + 5 + 0 + 2
    found = counted(trial(0.1), cut(0.2, 5), trial(0.2, again=1))
    assert (found.again, found.most, found.anew) == (5, 5, 1)
    found = counted(trial(0.1), cut(0.2, EVERY), trial(0.2, again=1))
    assert (found.again, found.anew) == (EVERY, 0)  # the first checkpoint was being written


def test_any_bit_counts(counted: Callable[..., Any]) -> None:
    other = trial(0.2)
    other.system_attrs["folds:3"] = [value(0.2, 3), value(0.2, 3) * (1 + 2**-52)]
    assert counted(trial(0.1), other).unlike == 1
    assert counted(trial(0.1), cut(0.2, 3), trial(0.2, again=1)).unlike == 0
    assert counted(trial(0.1), trial(0.2, EPOCHS - 1)).unlike == 1  # complete, without an epoch


def test_when_all_is_done(reading: ModuleType) -> None:
    assert not reading.finished([trial(0.1)], POINTS)
    assert not reading.finished([trial(0.1), cut(0.2, 3)], POINTS)
    assert reading.finished([trial(0.1), cut(0.2, 3), trial(0.2)], POINTS)
    assert not reading.finished([trial(0.1), trial(0.2, 3, TrialState.RUNNING)], POINTS)


def test_a_queued_trial_is_known_by_what_it_was_queued_with(reading: ModuleType) -> None:
    study = optuna.create_study()
    study.enqueue_trial(POINTS[1])
    assert reading.asked(study.get_trials()[0]) == reading.point(POINTS[1])
