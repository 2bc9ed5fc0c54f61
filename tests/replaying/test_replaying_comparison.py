"""Two courses side by side: where they part, and what rounding explains."""

from __future__ import annotations

import math

from vrtune.replaying.comparison import PRECISION, ROUNDINGS, Apart, allowed, first_apart, gaps

RECORDED: dict[int, list[float | None]] = {2: [0.5, 0.25], 4: [0.25, None]}


def test_the_same_values_part_nowhere() -> None:
    same = dict(reversed(RECORDED.items()))
    assert first_apart(RECORDED, same) is None
    assert gaps(RECORDED, same) == {2: 0.0, 4: 0.0}


def test_the_first_epoch_and_its_widest_fold_are_named() -> None:
    now: dict[int, list[float | None]] = {2: [0.5 + 2**-40, 0.25 - 2**-30], 4: [1.0, 2.0]}
    told = Apart(epoch=2, fold=1, folds=2, recorded=0.25, replayed=0.25 - 2**-30, gap=2**-30)
    assert first_apart(RECORDED, now) == told
    assert gaps(RECORDED, now) == {2: 2**-30, 4: math.inf}


def test_where_one_alone_diverged_there_is_no_gap() -> None:
    apart = first_apart(RECORDED, {2: [0.5, 0.25]})  # nothing came after epoch 4
    assert apart is not None
    assert (apart.epoch, apart.fold, apart.folds, apart.gap) == (4, 0, 1, None)


def test_rounding_may_be_as_far_off_as_its_twin_was_by_then() -> None:
    twins = {2: 1e-3, 4: 1e-4}
    assert allowed(RECORDED, twins, 0.0) == {2: ROUNDINGS * 1e-3, 4: ROUNDINGS * 1e-3}
    assert allowed(RECORDED, {2: 0.0, 4: math.inf}, 0.0) == {2: PRECISION * 0.5, 4: math.inf}
    assert allowed(RECORDED, {2: 0.0, 4: 0.0}, 0.02) == {2: 0.02, 4: 0.02}
