"""Architectures: their size, their norms, and images they cannot take."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vrtune.errors import UsageError
from vrtune.models import MODELS, build
from vrtune.models.lenet import LeNet

NORMS = ("none", "batch", "layer")
NORM_LAYERS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)
SMALLEST = {"lenet-relu": 16, "densenet169": 29}  # sides; the others take 12 pixels
LIGHT = ("lenet", "softmax", "lenet-relu", "sixconv", "resnet18-small")
HEAVY = [name for name in MODELS if name not in LIGHT]
HUGE = ("resnet101", "resnet50", "densenet169")
EACH = [pytest.param(name, marks=pytest.mark.slow) if name in HUGE else name for name in MODELS]


def size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(
    ("model", "shape", "norm", "expected"),
    [
        ("lenet", (1, 28, 28), "none", 61_706),
        ("lenet", (1, 28, 28), "layer", 61_706 + 2 * (6 + 16 + 120 + 84)),
        ("lenet", (1, 28, 28), "batch", 61_706 + 6 + 16 + 120 + 84),  # biases out, two in
        ("lenet", (3, 32, 32), "none", 61_706 + 2 * 6 * 25 + 16 * (36 - 25) * 120),
        ("lenet", (1, 16, 16), "none", 61_706 - 16 * (25 - 4) * 120),
        ("softmax", (1, 28, 28), "none", 7_850),
        ("softmax", (1, 28, 28), "batch", 7_840 + 2 * 10),
        ("softmax", (1, 28, 28), "layer", 7_850 + 2 * 10),
    ],
)
def test_number_of_parameters(
    model: str, shape: tuple[int, int, int], norm: str, expected: int
) -> None:
    assert size(build(model, shape, 10, norm)) == expected


@pytest.mark.parametrize("shape", [(1, 12, 12), (1, 28, 28), (3, 32, 32), (2, 13, 18)])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("model", LIGHT)
def test_images_become_logits(model: str, norm: str, shape: tuple[int, int, int]) -> None:
    shape = (shape[0], *(max(side, SMALLEST.get(model, 12)) for side in shape[1:]))
    module = build(model, shape, 7, norm)
    assert module(torch.randn(3, *shape)).shape == (3, 7)


@pytest.mark.parametrize("model", HEAVY)
def test_images_become_logits_in_heavy_nets(model: str) -> None:
    """Shapes alone, on the device without memory."""
    with torch.device("meta"):
        assert build(model, (2, 33, 38), 7, "batch")(torch.randn(3, 2, 33, 38)).shape == (3, 7)


@pytest.mark.parametrize("model", MODELS)
def test_norm_is_what_was_asked_for(model: str) -> None:
    with torch.device("meta"):
        found = {
            norm: {type(m) for m in build(model, (1, 32, 32), 3, norm).modules()} & {*NORM_LAYERS}
            for norm in NORMS
        }
    assert found["none"] == set()
    assert found["batch"]
    assert found["batch"] <= {nn.BatchNorm1d, nn.BatchNorm2d}
    assert found["layer"]
    assert found["layer"] <= {nn.GroupNorm, nn.LayerNorm}


@pytest.mark.parametrize("model", EACH)
def test_batch_norm_has_no_bias_before_it(model: str) -> None:
    """It subtracts any; its gradient is rounding noise, which Adam would make a step of."""
    side = SMALLEST.get(model, 12)
    module = build(model, (1, side, side), 3, "batch")
    for m in module.modules():
        if isinstance(m, NORM_LAYERS):  # or ReLU lets its scale pass, and the next norm takes it
            nn.init.normal_(m.bias, std=0.1)
    x, y = torch.randn(8, 1, side, side), torch.arange(8) % 3
    nn.functional.cross_entropy(module(x), y).backward()
    for name, p in module.named_parameters():
        assert p.grad is not None
        assert p.grad.abs().max() > 1e-5, name


@pytest.mark.parametrize("norm", NORMS)
def test_sample_does_not_see_its_neighbours(norm: str) -> None:
    """Only batch norm in train mode mixes the samples of a batch."""
    module = LeNet((1, 12, 12), 4, norm)
    x = torch.randn(6, 1, 12, 12)
    apart = torch.cat([module(x[:3]), module(x[3:])])
    assert torch.allclose(module(x), apart, atol=1e-6) is (norm != "batch")
    module.eval()
    assert torch.allclose(module(x), torch.cat([module(x[:1]), module(x[1:])]), atol=1e-6)


def test_lenet_without_norm_is_the_textbooks() -> None:
    """The same numbers as the layers written one after another."""
    module = LeNet((1, 14, 17), 5, "none")
    x = torch.randn(4, 1, 14, 17)
    first, second = (m for m in module.modules() if isinstance(m, nn.Conv2d))
    linear = [m for m in module.modules() if isinstance(m, nn.Linear)]
    h = nn.functional.avg_pool2d(torch.tanh(first(x)), 2)
    h = nn.functional.avg_pool2d(torch.tanh(second(h)), 2).flatten(1)
    expected = linear[2](torch.tanh(linear[1](torch.tanh(linear[0](h)))))
    assert [len(m.weight) for m in (first, second, *linear)] == [6, 16, 120, 84, 5]
    torch.testing.assert_close(module(x), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 11, 28), (1, 28, 11), (1, 4, 4)])
def test_too_small_an_image_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match=r"at least 12x12, not \d+: use --model mlp, or tabular"):
        build("lenet", shape, 10, "none")


@pytest.mark.parametrize(
    ("name", "hint"), [("lenett", "did you mean lenet"), ("x", "choose one of lenet")]
)
def test_an_unknown_model_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        build(name, (1, 28, 28), 10, "none")
