"""What a study knows: logs of losses, where each trial is likely to end, and what the model makes
of it."""

from __future__ import annotations

import math

import numpy as np
import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial
from scipy.stats import norm

from vrtune.strategy.cube import Cube
from vrtune.strategy.curves import BEYOND, Curve, Curves, read
from vrtune.strategy.surrogate import Surrogate, log_expected_improvement, promise


def study_of(*trials: tuple[TrialState, list[float]], direction: str = "minimize") -> Curves:
    study = optuna.create_study(direction=direction)
    for state, losses in trials:
        value = losses[-1] if state is TrialState.COMPLETE else None
        steps = dict(enumerate(losses, 1))
        study.add_trial(create_trial(state=state, value=value, intermediate_values=steps))
    return read(study, study.trials)


def ends(curves: Curves) -> list[float]:
    return [curves.expected(curve) for curve in curves.known]


def test_a_pruned_trial_ends_where_the_best_would_have() -> None:
    curves = study_of(
        (TrialState.COMPLETE, [2.0, 1.0, 0.5]),
        (TrialState.PRUNED, [3.0, 2.0]),
        (TrialState.RUNNING, [0.8]),
    )
    assert ends(curves) == pytest.approx([math.log(0.5), math.log(1.0), math.log(0.2)])
    assert curves.best().trial.number == 2
    assert curves.epochs == 3


def test_the_three_best_say_what_is_gained() -> None:
    falls = [(TrialState.COMPLETE, [1.0, end]) for end in (0.9, 0.5, 0.4, 0.3)]
    curves = study_of(*falls, (TrialState.PRUNED, [1.0]))
    assert ends(curves)[-1] == pytest.approx(math.log(0.4))


def test_a_diverged_trial_stands_above_all() -> None:
    curves = study_of(
        (TrialState.COMPLETE, [5.0, 0.5]),
        (TrialState.PRUNED, [0.4, math.nan]),
        (TrialState.FAIL, [math.inf]),
    )
    assert ends(curves)[1:] == pytest.approx([math.log(5) + BEYOND] * 2)
    assert [curve.diverged for curve in curves.known] == [False, True, True]


def test_what_tells_nothing_is_left_out() -> None:
    curves = study_of(
        (TrialState.FAIL, [0.1]), (TrialState.RUNNING, []), (TrialState.COMPLETE, [1.0])
    )
    assert [curve.trial.number for curve in curves.known] == [2]
    assert study_of().known == []
    assert study_of().epochs == 0


def test_a_scale_of_its_own_for_values_that_are_no_losses() -> None:
    curves = study_of(*[(TrialState.COMPLETE, [v]) for v in (-1.0, 0.0, 1.0, 3.0)])
    assert np.diff(ends(curves)) == pytest.approx(np.array([1, 1, 2]) / 1.75)  # quarters apart
    scores = study_of(*[(TrialState.COMPLETE, [v]) for v in (0.5, 0.9)], direction="maximize")
    assert scores.best().trial.number == 1


@pytest.mark.parametrize("best", [-1.0, 0.5])
def test_expected_improvement(best: float) -> None:
    mean, std = np.array([0.0, 0.5, 1.0]), np.array([1.0, 0.3, 2.0])
    y = np.linspace(-30, 30, 600_001)[:, None]
    gain = np.maximum(best - y, 0) * norm.pdf(y, mean, std)
    expected = np.log(gain.sum(0) * (y[1, 0] - y[0, 0]))
    assert log_expected_improvement(mean, std, best) == pytest.approx(expected, rel=1e-4)


def test_expected_improvement_of_what_promises_next_to_nothing() -> None:
    far = log_expected_improvement(np.array([1.0, 2.0, 40.0, 1e4]), np.full(4, 0.01), 0.0)
    assert np.isfinite(far).all()
    assert (np.diff(far) < 0).all(), "and still less the farther away"


def test_the_model_follows_what_it_is_told_and_is_unsure_elsewhere() -> None:
    x = np.linspace(0, 0.6, 7)[:, None]
    model = Surrogate(x, np.sin(4 * x[:, 0]), np.zeros(7))
    mean, std = model.predict(np.array([[0.25], [1.0]]))
    assert mean[0] == pytest.approx(math.sin(1.0), abs=0.03)
    assert std[0] < 0.05 < std[1]
    model.believe(np.array([[1.0]]))
    assert model.predict(np.array([[1.0]]))[1][0] < std[1] / 3


def test_what_is_unsure_counts_less() -> None:
    x, y = np.array([[0.0], [0.5], [1.0]]), np.array([0.0, -1.0, 0.0])
    sure, unsure = (
        Surrogate(x, y, np.array([0, noise, 0])).predict(np.array([[0.5]])) for noise in (0.0, 1.0)
    )
    assert sure[0] < unsure[0] - 0.05
    assert sure[1] < unsure[1]


def test_the_model_takes_in_the_best_and_the_latest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 400 trials two hundred: its time grows with their cube."""
    taken: list[float] = []

    class Noted(Surrogate):
        def __init__(self, x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> None:
            taken.extend(x[:, 0])
            super().__init__(x[::10], y[::10], noise[::10])

    monkeypatch.setattr("vrtune.strategy.surrogate.Surrogate", Noted)
    space, known = {"x": FloatDistribution(0, 1)}, []
    for number in range(400):  # the best are 0 .. 99
        trial = create_trial(params={"x": number / 400}, distributions=space, value=1.0)
        trial.number = number
        known.append(Curve(trial, {}, {}, number / 400, False))
    promise(Cube(space), np.array([[0.5]]), Curves(known, 1), [])
    assert taken == [number / 400 for number in (*range(100), *range(300, 400))]


def test_categories_teach_the_model() -> None:
    space = {"c": CategoricalDistribution(["a", "b"]), "x": FloatDistribution(0, 1)}
    known = []
    for number in range(8):
        params = {"c": "ab"[number % 2], "x": number / 7}
        trial = create_trial(params=params, distributions=space, value=1.0)
        known.append(Curve(trial, {}, {}, 1.0 - (number % 2), False))
    cube = Cube(space)
    points = np.array([cube.point({"c": c, "x": 0.5}) for c in "ab"])
    gain = promise(cube, points, Curves(known, 1), [])
    assert gain[1] > gain[0]
    open_there = promise(cube, points, Curves(known, 1), [{"c": "b", "x": 0.5}])
    assert open_there[1] < gain[1], "another trial is there"
