"""MARS in its four forms: clipped by tensor or by model, one-dimensional tensors plain or not."""

from __future__ import annotations

import pytest
import torch
from contracts.twins import TWINS
from reference import mars

from vrtune import MARS, SGD, Adam, MARSApproximate, TrialConfig
from vrtune.estimators.base import Clock
from vrtune.estimators.mars import MARSEstimator
from vrtune.lanes.rows import Program
from vrtune.testing import problem

REFERENCES = {MARS: mars.train, MARSApproximate: mars.train_approximate}
FORMS = [(clip, of_1d) for clip in ("tensor", "model") for of_1d in ("plain", "corrected")]
# a matrix, a bias, a convolution
SHAPES = tuple(torch.Size(shape) for shape in ((2, 2), (2,), (1, 1, 1, 2)))


def direction(clip: str, one_dimensional: str, shapes: tuple = SHAPES) -> list[float]:
    """d of a lane with g = 1, 2 ..., g before = 0 and gamma beta1 / (1 - beta1) = 1: c = 2 g."""
    estimator = MARSEstimator(torch.zeros(1, 8), clip, one_dimensional)
    estimator.shapes = shapes
    hp = {"gamma": torch.tensor([[1.0]]), "beta1": torch.tensor([[0.5]])}
    g = torch.arange(1.0, 9.0).unsqueeze(0)
    clock = Clock(*(torch.zeros(1, 1) for _ in range(3)))
    d, eta = estimator.estimate(torch.zeros(1, 8), hp, clock, lambda *_: (g, torch.zeros(1, 8)))
    assert eta is None
    assert g.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]
    return d[0].tolist()


def test_by_default_each_tensor_is_clipped_and_one_dimensional_ones_are_left_plain() -> None:
    """As the authors do: mars.py, optimize_1d = False."""
    config = MARS()
    d = direction(config.clip, config.one_dimensional)
    assert sum(x * x for x in d[:4]) == pytest.approx(1)
    assert d[:4] == pytest.approx([i / 30**0.5 for i in (1, 2, 3, 4)])
    assert d[4:6] == [5, 6]
    assert d[6:] == pytest.approx([i / 113**0.5 for i in (7, 8)])


def test_the_whole_vector_is_clipped() -> None:
    """What is left plain has no part in the norm."""
    whole = sum(i * i for i in range(1, 9))
    assert direction("model", "corrected") == pytest.approx([i / whole**0.5 for i in range(1, 9)])
    d = direction("model", "plain")
    assert d[4:6] == [5, 6]
    assert d[:4] == pytest.approx([i / (whole - 61) ** 0.5 for i in (1, 2, 3, 4)])


def test_a_row_of_unknown_tensors_is_one() -> None:
    whole = sum(i * i for i in range(1, 9))
    for clip, of_1d in FORMS:
        assert direction(clip, of_1d, ()) == pytest.approx([i / whole**0.5 for i in range(1, 9)])


@pytest.mark.parametrize("fused", [False, True], ids=["looped", "fused"])
@pytest.mark.parametrize("norm", ["none", "batch"])
@pytest.mark.parametrize(("clip", "one_dimensional"), FORMS)
@pytest.mark.parametrize("kind", REFERENCES)
def test_lanes_equal_the_slow_loop(
    kind: type[MARS | MARSApproximate], clip: str, one_dimensional: str, norm: str, fused: bool
) -> None:
    """Over AdamW, with a correction so strong that all is clipped."""
    settings = {"gamma": 2.0, "clip": clip, "one_dimensional": one_dimensional}
    rule = Adam(lr=0.02, betas=(0.95, 0.99), weight_decay=0.1, decoupled_weight_decay=True)
    config = TrialConfig(estimator=kind(**settings), optimizer=rule)
    lanes = problem.seat([config, config], norm, fused=fused)
    module = problem.module_in(lanes, 1)
    for _ in range(2):
        lanes.train_epoch()
    twin = TWINS["adam"](list(module.parameters()), rule.model_dump())
    epochs = problem.epochs_of(lanes.seats[1], 2)
    REFERENCES[kind](module, epochs, twin, beta1=0.95, **settings)
    trained = problem.module_in(lanes, 1).state_dict()
    for name, value in module.state_dict().items():
        torch.testing.assert_close(trained[name], value, rtol=1e-8, atol=1e-9)


def test_forms_train_apart() -> None:
    """The clipping is a word: lanes of two forms do not share a program."""
    forms = [MARS.model_validate({"clip": c, "one_dimensional": o}) for c, o in FORMS]
    programs = {Program.of(TrialConfig(estimator=form, optimizer=SGD(lr=1))) for form in forms}
    assert len(programs) == 4
    with pytest.raises(ValueError, match="clip"):
        MARS(clip="norm")  # type: ignore[arg-type]
