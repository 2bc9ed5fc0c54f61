"""A lane that goes on from what another had come to is that other one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from contracts.settings import PROGRAMS, configs

from vrtune import (
    MALA,
    SGD,
    Adam,
    Exponential,
    Library,
    MetaInit,
    Norms,
    Polyak,
    TrialConfig,
)
from vrtune.lanes.states import State, packed, unpacked
from vrtune.optimizers.instances import copied
from vrtune.testing import lanes as contracts


@pytest.mark.parametrize(("estimator", "optimizer"), PROGRAMS)
def test_continued_equals_unbroken(estimator: str, optimizer: str) -> None:
    contracts.continued_equals_unbroken(configs(estimator, optimizer, 3), fused=False)


@pytest.mark.parametrize("estimator", ["svrg", "storm", "saga"])
def test_fused_ones_too(estimator: str) -> None:
    contracts.continued_equals_unbroken(configs(estimator, "adam", 3), fused=True)


@pytest.mark.parametrize(
    "more",
    [
        {"average": Polyak(start_share=0.0)},
        {"average": Exponential(decay=0.9)},
        {"penalty": Norms(l1=0.01)},
        {"init": MetaInit(steps=2)},
    ],
)
def test_whatever_else_a_setting_has(more: dict[str, Any]) -> None:
    settings = [TrialConfig(optimizer=Adam(lr=lr), **more) for lr in (0.01, 0.02)]
    contracts.continued_equals_unbroken(settings, fused=False)


@pytest.mark.parametrize(
    "optimizer",
    [
        Library("torch.optim.Adam", lr=0.01),
        Library("torch.optim.ASGD", lr=0.01),
        Library("torch.optim.Muon", lr=0.01, rest=Library("torch.optim.NAdam", lr=0.01)),
        Library("schedulefree.AdamWScheduleFree", lr=0.01, warmup_steps=3),
        pytest.param(Library("pytorch_optimizer.Lion", lr=0.01), marks=pytest.mark.slow),
        pytest.param(Library("pytorch_optimizer.Prodigy", lr=0.1), marks=pytest.mark.slow),
        pytest.param(Library("pytorch_optimizer.SGDSaI", lr=0.01), marks=pytest.mark.slow),
        pytest.param(Library("pytorch_optimizer.SOAP", lr=0.01), marks=pytest.mark.slow),
        pytest.param(Library("pytorch_optimizer.SRMM", lr=0.01), marks=pytest.mark.slow),
    ],
    ids=lambda optimizer: optimizer.name,
)
def test_classes_of_other_packages(optimizer: Library) -> None:
    contracts.continued_equals_unbroken([TrialConfig(optimizer=optimizer)], fused=False)


def test_samplers() -> None:
    settings = [TrialConfig(optimizer=MALA(lr=1e-4)), TrialConfig(optimizer=MALA(lr=1e-3))]
    contracts.continued_equals_unbroken(settings, fused=False)


def test_what_is_packed_comes_out_again() -> None:
    own = {"a": [1, (2.5, "b"), None, True], 3: torch.arange(4.0), "nan": float("inf")}
    state = State(5, 70.0, {"W": torch.randn(3), "estimator/g": torch.zeros(0)}, own)
    again = unpacked(*packed([state, State(1, 2.0, {"W": torch.ones(1)})]))
    assert (again[0].epoch, again[0].gradient_computations) == (5, 70.0)
    assert torch.equal(again[0].tensors["W"], state.tensors["W"])
    assert again[0].tensors["estimator/g"].numel() == 0
    assert again[0].own["a"] == own["a"]
    assert torch.equal(again[0].own[3], own[3])
    assert set(again[1].tensors) == {"W"}
    assert again[1].own == {}


def test_what_no_file_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="SimpleNamespace"):
        copied({"state": [SimpleNamespace()]})


def test_steps_of_a_schedule_go_on() -> None:
    """Or the last two epochs would repeat the first two's step sizes: the test can fail."""
    from vrtune import Cosine

    settings = [TrialConfig(optimizer=SGD(lr=0.05), schedule=Cosine())]
    contracts.continued_equals_unbroken(settings, fused=False)
