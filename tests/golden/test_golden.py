"""One golden curve for every way to train. tests/golden/make.py writes it anew.

1e-4 relative: single precision rounds differently with the order of summation, which depends on
the CPU and on what is fused. Four epochs amplify 1e-7 to about 1e-5; a mistake moves the third
digit.
"""

from __future__ import annotations

import math

import pytest
from golden.make import CONFIGS, TASK, Curve, curve, golden, train, workspace

from vrtune.lanes.pool import Pool, Standing
from vrtune.lanes.workspace import Workspace

RTOL = 1e-4

every_method = pytest.mark.parametrize("name", CONFIGS)
ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])


@pytest.fixture(scope="module")
def space() -> Workspace:
    return workspace()


def meets(mine: Curve, expected: Curve) -> None:
    """Every loss of every epoch and fold."""
    for kind, epochs in expected.items():
        assert len(mine[kind]) == len(epochs) == TASK.epochs
        for epoch, (got, wanted) in enumerate(zip(mine[kind], epochs, strict=True), 1):
            assert got == pytest.approx(wanted, rel=RTOL), f"{kind}, epoch {epoch}"


def test_golden_curves_learn_something() -> None:
    """Each method's validation loss falls well below that of guessing."""
    for name, expected in golden().items():
        last = expected["validation"][-1]
        assert len(last) == TASK.folds
        assert sum(last) / len(last) < 0.7 * math.log(10), name


@ways
@every_method
def test_alone(name: str, fused: bool, space: Workspace) -> None:
    meets(train(CONFIGS[name], space, fused=fused), golden()[name])


@ways
def test_amid_others_and_refilled(fused: bool, space: Workspace) -> None:
    """All methods in one pool; when the first half is done, others take over rows in use."""
    pool = Pool(space, space.folds, fused=fused)
    starts = {0: ("sgd", 0), 1: ("svrg", 0), 2: ("storm", 0)}
    later = {3: ("sgd", 2), 4: ("storm", 2), 5: ("metainit", 2), 6: ("svrg", 2)}
    pool.exchange([], {trial: CONFIGS[name] for trial, (name, _) in starts.items()})
    rounds: dict[int, list[Standing]] = {}
    for epoch in range(2 + TASK.epochs):
        if epoch == 2:  # a trial is pruned, its rows and more go to four others
            pool.exchange([0], {trial: CONFIGS[name] for trial, (name, _) in later.items()})
        if epoch == TASK.epochs:
            pool.exchange([1, 2], {})
        for trial, state in pool.validate(pool.train_epoch(lambda: None)).items():
            rounds.setdefault(trial, []).append(state)
    expected = golden()
    for trial, (name, _) in {1: starts[1], 2: starts[2], **later}.items():
        meets(curve(rounds[trial]), expected[name])
    pruned = curve(rounds[0])
    for kind, epochs in pruned.items():
        assert len(epochs) == 2
        for got, wanted in zip(epochs, expected["sgd"][kind], strict=False):
            assert got == pytest.approx(wanted, rel=RTOL)
