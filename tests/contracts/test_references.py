"""Lanes do what the slow loops of tests/reference do, whatever the estimator."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from contracts.settings import ESTIMATOR_SETTINGS, configs
from contracts.twins import TWINS
from reference import alpha_svrg, mars, optimal_svrg, plain, saga, scsg, storm, svrg

from vrtune.estimators import ESTIMATORS
from vrtune.testing import problem
from vrtune.trial_config import TrialConfig

EPOCHS = 3
REFERENCES: dict[str, Callable] = {
    "alpha_svrg": alpha_svrg.train,
    "mars": mars.train,
    "mars_approximate": mars.train_approximate,
    "optimal_svrg": optimal_svrg.train,
    "plain": plain.train,
    "sag": saga.train_biased,
    "saga": saga.train,
    "scsg": scsg.train,
    "storm": storm.train,
    "svrg": svrg.train,
}


def test_every_estimator_has_settings_and_a_reference() -> None:
    assert set(ESTIMATOR_SETTINGS) == set(ESTIMATORS)
    assert set(REFERENCES) == set(ESTIMATORS)


def run_reference(
    config: TrialConfig, module: torch.nn.Module, epochs: list
) -> tuple[list[float], int]:
    """Trains `module` by the slow loop with the settings' torch.optim twin."""
    settings = config.optimizer.model_dump()
    settings["lr"] = settings["lr"] or 1.0  # STORM sets its own
    twin = TWINS[config.optimizer.kind](list(module.parameters()), settings)
    knobs = config.estimator.model_dump(exclude={"kind", "start_share"})  # of a lane: settled
    return REFERENCES[config.estimator.kind](module, epochs, twin, **knobs)


# In double precision; what is left is the order of summation, amplified by three epochs of steps.
@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(
    ("estimator", "optimizer"),
    [
        *((e, "sgd") for e in ESTIMATORS),
        *((e, "adam") for e in ("plain", "storm", "mars", "mars_approximate")),
    ],
)
def test_lanes_equal_the_slow_loop(estimator: str, optimizer: str, norm: str, fused: bool) -> None:
    """Lanes with different settings on different streams, all trained at once."""
    count = 4 if optimizer == "adam" else 3  # Adam's fourth is AdamW
    lanes = problem.seat(configs(estimator, optimizer, count), norm, fused=fused)
    modules = [problem.module_in(lanes, row) for row in range(len(lanes.seats))]
    losses = torch.stack([lanes.train_epoch() for _ in range(EPOCHS)])
    for row, (lane, module) in enumerate(zip(lanes.seats, modules, strict=True)):
        epochs = problem.epochs_of(lane, EPOCHS)
        slow_losses, computed = run_reference(lane.config, module, epochs)
        trained = problem.module_in(lanes, row)
        for name, value in module.state_dict().items():
            torch.testing.assert_close(
                trained.state_dict()[name],
                value,
                rtol=1e-8,
                atol=1e-9,
                msg=lambda m, n=name, c=lane.config: f"{n} of {c!r}: {m}",
            )
        assert losses[:, row].tolist() == pytest.approx(slow_losses, rel=1e-8)
        assert lane.gradient_computations == computed
