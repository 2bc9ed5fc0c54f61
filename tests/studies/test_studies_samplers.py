"""What a sampler proposes depends on the study and the trial's number, not on who asks."""

from __future__ import annotations

import optuna
import pytest

from vrtune.studies.samplers import SAMPLERS, make_sampler

every = pytest.mark.parametrize("name", SAMPLERS)


def asked(trial: optuna.Trial) -> float:
    """A space in which one parameter depends on another."""
    kind = trial.suggest_categorical("kind", ["a", "b", "c"])
    x = trial.suggest_float("x", 1e-5, 1.0, log=True)
    if kind == "c":
        return x + trial.suggest_int("steps", 1, 99) / 99
    return x + trial.suggest_float("y", 0, 1)


def searched(name: str, trials: int, *, others: int, seed: int = 7) -> optuna.Study:
    """A study whose trials `others` ask for in turn, each with a sampler of its own."""
    study = optuna.create_study()
    samplers = [make_sampler(name, seed) for _ in range(others)]
    for number in range(trials):
        study.sampler = samplers[number % others]
        trial = study.ask()
        study.tell(trial, asked(trial))
    return study


def settings(study: optuna.Study) -> list[dict[str, object]]:
    return [trial.params for trial in study.trials]


@every
def test_it_does_not_matter_who_asks(name: str) -> None:
    alone = settings(searched(name, 12, others=1))
    assert alone == settings(searched(name, 12, others=3))
    assert alone != settings(searched(name, 12, others=1, seed=8))


@every
def test_those_who_ask_at_once_are_told_different_points(name: str) -> None:
    study = searched(name, 12, others=1)
    processes = []
    for _ in range(4):
        study.sampler = make_sampler(name, 7)
        processes.append(study.ask())
    for trial in processes:
        trial.study.sampler = make_sampler(name, 7)
        asked(trial)
    assert len({repr(sorted(trial.params.items())) for trial in processes}) == 4


@every
def test_a_study_that_is_new_to_all(name: str) -> None:
    study = optuna.create_study(sampler=make_sampler(name, 7))
    trials = [study.ask() for _ in range(6)]
    for trial in trials:
        asked(trial)
    assert len({trial.params["x"] for trial in trials}) == 6


@pytest.mark.parametrize("name", ["random", "grid"])
def test_the_order_of_questions_does_not_matter(name: str) -> None:
    study = optuna.create_study(sampler=make_sampler(name, 7))
    trial = study.ask()
    there = [trial.suggest_float(name, 0, 1) for name in "xyz"]
    study = optuna.create_study(sampler=make_sampler(name, 7))
    trial = study.ask()
    back = [trial.suggest_float(name, 0, 1) for name in "zyx"]
    assert there == back[::-1]
    assert len(set(there)) == 3


def test_a_sobol_sequence_covers_the_space_evenly() -> None:
    """Of 16 successive points of a scrambled sequence, each sixteenth holds one."""
    study = optuna.create_study(sampler=make_sampler("qmc", 7))
    for _ in range(32):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, trial.suggest_float("y", 0, 1))
    for name in "xy":
        cells = [int(16 * trial.params[name]) for trial in study.trials[16:]]
        assert sorted(cells) == list(range(16))
