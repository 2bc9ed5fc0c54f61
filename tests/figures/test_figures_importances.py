"""Importances: the parameter that decides comes first; too little to say says nothing."""

from __future__ import annotations

import math
import random

from optuna.distributions import CategoricalDistribution, FloatDistribution
from reference.literal_trials import LR, tried, tuned

from vrtune.comparing.tuned import Tuned
from vrtune.figures.importances import ENOUGH, compute, draw, leading
from vrtune.figures.scales import searched

KIND = CategoricalDistribution(["a", "b"])


def made(count: int, names: str = "abc") -> Tuned:
    """Trials whose loss follows the first parameter."""
    draws = random.Random(0)
    trials = []
    for i in range(count):
        params = {name: 10 ** draws.uniform(-4, 0) for name in names}
        trials.append(tried(i, params=params, value=1 + (math.log10(params[names[0]]) + 1) ** 2))
    return tuned(trials)


def test_what_decides_comes_first() -> None:
    found = compute(made(20))
    assert found is not None
    assert next(iter(found.shares)) == "a"
    assert found.shares["a"] > 0.5
    assert abs(sum(found.shares.values()) - 1) < 1e-9
    assert found.trials == 20


def test_few_trials_or_one_parameter_say_nothing() -> None:
    assert compute(made(ENOUGH)) is not None
    assert compute(made(ENOUGH - 1)) is None
    assert compute(made(20, "a")) is None
    same = tuned([tried(i, params={"a": 0.1, "b": 0.2}, value=1.0) for i in range(20)])
    assert compute(same) is None


def test_ranges_and_kinds_that_changed_break_nothing() -> None:
    wide = {"a": FloatDistribution(1e-5, 10.0, log=True), "kind": KIND}
    known = made(20).trials
    trials = [
        tried(t.number, params={**t.params, "kind": "ab"[i % 2]}, value=t.value,
              ranges={**t.ranges, **(wide if i % 3 else {"kind": KIND})})
        for i, t in enumerate(known)
    ]  # fmt: skip
    broken = tried(20, params={"a": "x", "b": 0.1}, ranges={"a": LR, "b": LR}, value=0.1)
    found = compute(tuned([*trials, broken]))
    assert found is not None
    assert set(found.shares) == {"a", "b", "c", "kind"}
    assert found.trials == 20


def test_the_most_important_lead_in_their_order() -> None:
    study = made(20, "xabc")
    parameters = searched(study.trials)
    found = compute(study)
    assert found is not None
    two = {name for name, _ in sorted(found.shares.items(), key=lambda item: -item[1])[:2]}
    assert [p.name for p in leading(study, parameters, 2)] == [n for n in "xabc" if n in two]
    assert leading(study, parameters, 9) == parameters
    few = made(3, "xabc")
    assert [p.name for p in leading(few, parameters, 2)] == ["x", "a"]


def test_a_bar_a_parameter_with_its_value() -> None:
    found = compute(made(20))
    assert found is not None
    (panel,) = draw(found)
    (bar,) = panel.figure.data
    assert list(bar.x) == list(found.shares.values())
    assert bar.text[0] == f"{found.shares['a']:.0%}"
    assert panel.figure.layout.xaxis.range[1] > 1  # room for a figure beside a whole bar
    assert panel.figure.layout.yaxis.ticktext[0] == "a"
    assert panel.rows == list(found.shares.items())
