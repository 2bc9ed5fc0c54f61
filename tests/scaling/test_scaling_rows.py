"""What a batch size's study comes to: trials that are written down, and what is said of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from reference.literal_trials import tried, tuned

from vrtune import Task
from vrtune.comparing.tried import Tried
from vrtune.display.measures import LOSS, Measure
from vrtune.scaling.plan import Wanted
from vrtune.scaling.rows import Curve, Row, curve, row
from vrtune.scaling.settings import ScalingSettings
from vrtune.scaling.words import notes, sentence

ACCURACY = Measure("accuracy", "accuracy", "maximize")
LR = {"lr": 0.01}


def wanted(batch_size: int = 32, trials: int = 3, steps: int = 10) -> Wanted:
    """4 epochs of `steps` steps over 320 samples."""
    return Wanted(
        space="sgd",
        label="sgd",
        task=Task(batch_size=batch_size, epochs=4),
        settings=ScalingSettings(study=f"sgd-b{batch_size}"),
        trials=trials,
        samples=320,
        steps=steps,
    )


def trial(number: int, *means: float, apart: float = 0.0, **changes: Any) -> Tried:
    """Of two folds that lie `apart` from each other; 20 gradient computations an epoch."""
    losses = {e: (v - apart / 2, v + apart / 2) for e, v in enumerate(means, 1)}
    costs = {e: 20.0 * e for e in losses}
    own = {"params": LR, "losses": losses, "costs": costs, **changes}
    return tried(number, **own)


def test_the_trial_that_is_first_counts_and_not_the_best() -> None:
    slow_and_good = trial(0, 2.0, 1.0, 0.5, 0.1)
    fast = trial(1, 1.0, 0.6, 0.4, 0.3, apart=0.2)
    never = trial(2, 2.0, 2.0, 2.0, 2.0)
    found = row(tuned([slow_and_good, fast, never]), wanted(), 0.5)
    assert (found.trial, found.trials, found.reached) == (1, 3, 2)
    assert found.epoch == 3
    assert found.epochs_to_target == pytest.approx(2.5)
    assert found.steps == pytest.approx(25)
    assert found.samples == pytest.approx(800)
    assert found.gradient_computations == pytest.approx(25)  # 50 of both folds
    assert found.best == pytest.approx(0.1)
    assert found.setting == LR
    assert found.most_steps == 40


def test_each_fold_has_steps_of_its_own() -> None:
    """One is 0.1 below the mean, the other above: it arrives where the mean would at 0.4."""
    found = row(tuned([trial(0, 1.0, 0.6, 0.4, 0.3, apart=0.2)]), wanted(), 0.5)
    assert found.steps_of_folds == (pytest.approx(20), pytest.approx(30))
    found = row(tuned([trial(0, 1.0, 0.6, 0.45, 0.45, apart=0.2)]), wanted(), 0.5)
    assert found.steps_of_folds[1] is None


def test_pruned_trials_may_be_first_and_those_that_were_cut_off_say_nothing() -> None:
    pruned = trial(0, 1.0, 0.2, state="pruned")
    cut_off = trial(1, 0.3, state="interrupted")
    found = row(tuned([pruned, cut_off, trial(2, 1.0, 0.9, 0.8, 0.1)]), wanted(), 0.5)
    assert (found.trial, found.trials) == (0, 2)


def test_trials_beyond_those_asked_for_are_left_out() -> None:
    """All batch sizes get as many."""
    trials = [trial(0, 2.0, 1.0), trial(1, 2.0, 0.4), trial(2, 1.0, 0.1)]
    found = row(tuned(trials), wanted(trials=2), 0.5)
    assert (found.trial, found.trials) == (1, 2)


def test_what_is_not_reached_is_said() -> None:
    found = row(tuned([trial(0, 2.0, 1.0, 0.9, 0.8)]), wanted(trials=5), 0.5)
    assert (found.steps, found.trial, found.reached, found.region) == (None, None, 0, None)
    said = [*notes(curve([found]), 5)]
    assert said[0] == "sgd at 32: no trial reaches the target within 40 steps; the best was 0.8"
    assert said[1] == "sgd at 32: 1 of 5 trials were run: the same command goes on"
    assert "at no batch size" in sentence(curve([found]), 0.5, LOSS)


def test_a_diverged_fold_has_not_arrived() -> None:
    broken = replace(trial(0, 1.0), values={1: (1.0, 1.0), 2: (0.1, float("nan"))})
    assert row(tuned([broken]), wanted(), 0.5).steps is None


def test_an_accuracy_is_reached_from_below() -> None:
    study = tuned([trial(0, 0.5, 0.7, 0.9), trial(1, 0.5, 0.6, 0.7)], measure=ACCURACY)
    found = row(study, wanted(), 0.8)
    assert (found.trial, found.reached, found.best) == (0, 1, pytest.approx(0.9))
    assert found.steps == pytest.approx(25)
    assert "a validation accuracy of 0.99" in sentence(
        curve([row(study, wanted(), 0.99)]), 0.99, ACCURACY
    )


def test_a_setting_at_the_edge_of_its_range_is_told() -> None:
    found = row(tuned([trial(0, 1.0, 0.4, params={"lr": 1.0})]), wanted(), 0.5)
    assert [*notes(curve([found]), 1)] == [
        "sgd at 32: lr = 1 lies at the upper end of its range 0.0001 .. 1: widen it in the search "
        "space"
    ]


def test_the_first_epoch_is_an_upper_bound() -> None:
    found = row(tuned([trial(0, 0.4)]), wanted(), 0.5)
    assert (found.steps, found.at_most) == (10, True)
    assert "choose a harder --target" in next(notes(curve([found]), 1))


# ---- batch sizes side by side --------------------------------------------------------------------


def at(batch_size: int, steps: float | None) -> Row:
    """A row with these steps, or one that does not reach the target."""
    return Row(
        method="sgd",
        study=f"sgd-b{batch_size}",
        batch_size=batch_size,
        epochs=10,
        most_steps=2000,
        steps_per_epoch=200,
        trials=3,
        reached=0 if steps is None else 2,
        trial=None if steps is None else 1,
        steps=steps,
    )


def scaled(*steps: float | None) -> Curve:
    return curve([at(32 * 2**i, each) for i, each in enumerate(steps)])


def test_the_ideal_goes_from_the_least_batch_size_that_reaches() -> None:
    assert [each.ideal for each in scaled(1600, 900, None).rows] == [1600, 800, 400]
    assert [each.ideal for each in scaled(None, 900, 500).rows] == [1800, 900, 450]
    assert [each.ideal for each in scaled(None, None).rows] == [None, None]


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ((1600, 800, 400), "perfect scaling from 32 to 128; critical batch size above 128"),
        ((1600, 820, 560, 400, 395), "32 to 64; diminishing returns up to 256; no gain beyond 256"),
        ((100, 100, 100), "no gain beyond 32; critical batch size below 32"),
        ((140, 90, 65), "sgd: diminishing returns up to 128; critical batch size about 80"),
        ((1600, 800, None), "perfect scaling from 32 to 64; not reached at 128"),
        ((None, None, 5), "not reached at 32 and 64"),
        ((1040, 540, 290), "critical batch size above 128"),
        ((1000, 100, 990), "no critical batch size, as S_min + E_min / B differs"),
    ],
)
def test_what_a_curve_says(steps: tuple[float | None, ...], says: str) -> None:
    assert says in sentence(scaled(*steps), 0.5, LOSS)
