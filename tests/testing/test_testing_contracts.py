"""The kit for authors of units: it passes what keeps its contracts, and finds what does not."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import torch
from contracts.twins import TWINS
from torch import Tensor

from vrtune import SGD, STORM, Cosine, MetaInit, spaces
from vrtune.errors import UsageError
from vrtune.estimators import BatchGradient, Clock, Estimator
from vrtune.optimizers import StepRule
from vrtune.testing import Contract, contracts
from vrtune.trial_config import ROLES
from vrtune.units import EstimatorSettings, OptimizerSettings, Unit

OWN = spaces.load_file(Path(__file__).parents[1] / "reference" / "own_units.py")
KEPT: list[Contract] = [
    *contracts(STORM(c=1.0), STORM(k=0.2)),
    *contracts(
        SGD(lr=0.1, momentum=0.5), SGD(lr=0.2), twin=lambda p, s: TWINS["sgd"](p, s.model_dump())
    ),
    *contracts(Cosine(warmup=0.1)),
    *contracts(MetaInit(steps=2), MetaInit(steps=3, lr=0.01)),
    *contracts(OWN.Averaged(), OWN.Averaged(epoch=0.9)),
    *contracts(OWN.Averaged(mode="sum")),
    *contracts(OWN.Sign(lr=0.01), OWN.Sign(lr=0.02, floor=1e-3)),
    *contracts(OWN.Line()),
]
for role in ROLES:  # as before: other tests ask for vrtune's own units
    for kind in ("averaged", "sign", "line"):
        role.enrolled.pop(kind, None)


@pytest.fixture(autouse=True)
def _own_units() -> Iterator[None]:
    """Units that a test defines are known to it alone."""
    before = [dict(role.enrolled) for role in ROLES]
    for unit in (OWN.Averaged, OWN.Sign, OWN.Line):
        unit.enrolled[unit.model_fields["kind"].default] = unit
    yield
    for role, enrolled in zip(ROLES, before, strict=True):
        role.enrolled.clear()
        role.enrolled.update(enrolled)


@pytest.mark.parametrize("contract", KEPT, ids=str)
def test_kept(contract: Contract) -> None:
    contract()


def broken(*settings: Unit) -> set[str]:
    """The contracts that a unit does not keep."""
    found = set()
    for contract in contracts(*settings):
        try:
            contract()
        except Exception:
            found.add(contract.name)
    return found


def test_an_estimator_that_mixes_lanes_is_found() -> None:
    class Mixed(EstimatorSettings):
        kind: Literal["mixed"] = "mixed"

    class MixedEstimator(Estimator):
        settings = Mixed

        def estimate(
            self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
        ) -> tuple[Tensor, None]:
            (g,) = gradient(weights)
            return g.mean(0, keepdim=True).expand_as(g), None

    assert "together-equals-alone-looped" in broken(Mixed())


def test_an_estimator_that_asks_twice_and_counts_once_is_found() -> None:
    class Twice(EstimatorSettings):
        kind: Literal["twice"] = "twice"

    class TwiceEstimator(Estimator):
        settings = Twice

        def __init__(self, weights: Tensor) -> None:
            self.state = {}
            self.last = torch.zeros_like(weights)  # not in `state`: it can't be resized

        def estimate(
            self, weights: Tensor, hp: dict[str, Tensor], clock: Clock, gradient: BatchGradient
        ) -> tuple[Tensor, None]:
            g, other = gradient(weights, weights)
            return (g + other) / 2, None

    assert broken(Twice()) == {"counted-equals-computed"}


def test_a_rule_that_counts_in_python_is_found() -> None:
    """A graph would replay the first number for ever."""

    class Counting(OptimizerSettings):
        kind: Literal["counting"] = "counting"

    class CountingRule(StepRule):
        settings = Counting
        t = 0

        def step(self, weights: Tensor, d: Tensor, eta: Tensor, hp: dict[str, Tensor]) -> None:
            self.t += 1
            weights.sub_(eta / self.t * d)

    assert {"replayed-equals-run-looped", "replayed-equals-run-fused"} <= broken(Counting(lr=0.1))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: type("A", (Estimator,), {"settings": EstimatorSettings}), "has no name"),
        (
            lambda: enrol("mode: str = 'a'"),
            "argument 'mode'.: its __init__ is to take weights, mode",
        ),
        (lambda: enrol("share: float | None = None"), "its __init__ is to take weights, share"),
        (lambda: type("B", (SGD.algorithm,), {"settings": SGD}), "SGDRule runs SGD already"),
        (lambda: abstract(), "RuleOfB can't run: define its step"),
        (lambda: enrol("cost: float = 2.0"), "Own.cost has a meaning of its own: rename it"),
        (lambda: enrol("", kind="storm"), "two gradient estimators of kind 'storm'"),
    ],
)
def test_what_can_not_run_is_refused_when_it_is_defined(build, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        build()


def abstract() -> None:
    """Defines a step rule without a step."""

    class B(OptimizerSettings):
        kind: Literal["b"] = "b"

    class RuleOfB(StepRule):
        settings = B


def enrol(field: str, kind: str = "own") -> None:
    """Defines an estimator with one more setting, whose constructor takes nothing but weights."""
    names: dict[str, object] = {}
    warnings.filterwarnings("ignore", "Field name")  # pydantic's, of a field that shadows one
    exec(
        "from typing import Literal\n"
        "from vrtune.estimators import Estimator, EstimatorSettings\n"
        "class Own(EstimatorSettings):\n"
        f"    kind: Literal[{kind!r}] = {kind!r}\n"
        f"    {field or 'pass'}\n"
        "class OwnEstimator(Estimator):\n"
        "    settings = Own\n"
        "    def estimate(self, weights, hp, clock, gradient): ...\n",
        names,
    )


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ((SGD(lr=0.1), STORM()), "of one unit"),
        ((SGD,), "of one unit"),
        ((OWN.Averaged(), OWN.Averaged(mode="sum")), "in calls of their own"),
    ],
)
def test_settings_that_make_no_test_are_refused(settings: tuple, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        contracts(*settings)
