"""Late start: plain gradients first, the estimator's after."""

from __future__ import annotations

import pytest
import torch
from contracts.twins import TWINS
from reference import alpha_svrg, optimal_svrg, svrg

from vrtune import SGD, SVRG, AlphaSVRG, OptimalSVRG, Plain, TrialConfig
from vrtune.testing import problem
from vrtune.units import EstimatorSettings

ways = pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
LATE = [
    SVRG(snapshot_period=2, start_epoch=1),
    AlphaSVRG(snapshot_period=1, start_epoch=2, alpha=0.8),
    OptimalSVRG(snapshot_period=2, start_epoch=1),
]
REFERENCES = {"svrg": svrg, "alpha_svrg": alpha_svrg, "optimal_svrg": optimal_svrg}


@ways
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize("estimator", LATE, ids=lambda e: e.kind)
def test_a_late_start_equals_the_slow_loop(
    estimator: EstimatorSettings, norm: str, fused: bool
) -> None:
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=0.1, momentum=0.9))
    lanes = problem.seat([config, config], norm, fused=fused)
    module = problem.module_in(lanes, 1)
    for _ in range(problem.HORIZON):
        lanes.train_epoch()
    lane = lanes.seats[1]
    twin = TWINS["sgd"](list(module.parameters()), config.optimizer.model_dump())
    epochs = problem.epochs_of(lane, problem.HORIZON)
    _, computed = REFERENCES[estimator.kind].train(
        module, epochs, twin, **estimator.model_dump(exclude={"kind", "start_share"})
    )
    trained = problem.module_in(lanes, 1).state_dict()
    for name, value in module.state_dict().items():
        # double precision; the order of summation, amplified by four epochs
        torch.testing.assert_close(trained[name], value, rtol=1e-8, atol=1e-9)
    assert lane.gradient_computations == computed


@ways
def test_until_all_have_started_nothing_is_computed_twice(fused: bool) -> None:
    config = TrialConfig(estimator=SVRG(start_epoch=2), optimizer=SGD(lr=0.1))
    lanes = problem.seat([config], fused=fused)
    plain = problem.seat([TrialConfig(estimator=Plain(), optimizer=SGD(lr=0.1))], fused=fused)
    calls = 0
    gradient = lanes.oracle.gradient

    def counted(W: torch.Tensor, *args: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nonlocal calls
        calls += len(W)  # there is one lane
        return gradient(W, *args)

    lanes.oracle.gradient = counted
    for some in (lanes, plain):
        for _ in range(2):
            some.train_epoch()
    assert calls == lanes.seats[0].gradient_computations == plain.seats[0].gradient_computations
    assert torch.equal(lanes.rows.W, plain.rows.W)
    lanes.train_epoch()
    assert calls == lanes.seats[0].gradient_computations


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        ({}, [0, 0, 0]),
        ({"start_share": 0.5}, [2, 5, 50]),
        ({"start_share": 0.29}, [1, 3, 29]),
        ({"start_share": 1.0}, [4, 10, 100]),
        ({"start_epoch": 3, "start_share": 0.5}, [3, 5, 50]),
        ({"start_epoch": 3}, [3, 3, 3]),
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", [SVRG, AlphaSVRG, OptimalSVRG])
def test_a_share_of_the_run_becomes_an_epoch(
    kind: type[EstimatorSettings], settings: dict[str, float], first: list[int]
) -> None:
    """The later of the two counts, and the settings that were given stay as they are."""
    given = kind(**settings)
    assert [given.over(epochs).start for epochs in (4, 10, 100)] == first
    assert given.over(7).over(7) == given.over(7)
    assert given == kind(**settings)
    assert Plain().over(3) == Plain()


@ways
def test_a_start_by_share_trains_as_one_by_epoch(fused: bool) -> None:
    """Half of the run's four epochs are two; what they cost is the same, too."""
    settings = [SVRG(snapshot_period=1, start_share=0.5), SVRG(snapshot_period=1, start_epoch=2)]
    configs = [TrialConfig(estimator=s, optimizer=SGD(lr=0.1)) for s in settings]
    lanes = problem.seat(configs, "batch", fused=fused, names=["fold 0"])
    started = []
    for _ in range(problem.HORIZON):
        started.append([lane.started for lane in lanes.seats])
        lanes.train_epoch()
    assert started == [[False] * 2] * 2 + [[True] * 2] * 2
    torch.testing.assert_close(lanes.rows.W[0], lanes.rows.W[1], rtol=1e-12, atol=1e-14)
    assert len({lane.gradient_computations for lane in lanes.seats}) == 1
    assert configs[0].estimator.start_share == 0.5, "the trial's own settings"


@ways
def test_lanes_that_started_train_beside_one_that_waits(fused: bool) -> None:
    settings = [SVRG(), SVRG(start_epoch=3)]
    configs = [TrialConfig(estimator=s, optimizer=SGD(lr=0.1)) for s in settings]
    together = problem.seat(configs, "batch", fused=fused)
    for _ in range(2):
        together.train_epoch()
    for row, config in enumerate(configs):
        alone = problem.seat([config], "batch", fused=fused, names=[f"fold {row}"])
        for _ in range(2):
            alone.train_epoch()
        torch.testing.assert_close(together.rows.W[row], alone.rows.W[0], rtol=1e-9, atol=1e-11)
        mine, other = together.seats[row], alone.seats[0]
        assert mine.gradient_computations == other.gradient_computations
