"""The deep nets: their sizes, their layers beside torchvision's or written out, and lanes."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
import torchvision.models as judge
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from vrtune.errors import UsageError
from vrtune.gradients.fused import Fused
from vrtune.gradients.looped import Looped
from vrtune.gradients.oracle import Oracle
from vrtune.inits.metainit import gradient_quotient
from vrtune.inits.smooth import SmoothNorms
from vrtune.models import build

NORMS = ("none", "batch", "layer")
SMALL = {"sixconv": 9, "lenet-relu": 16, "resnet18-small": 9}
DEEP = {"resnet18": 9, "resnet110": 9, "densenet40": 9}
HUGE = {"resnet101": 9, "resnet50": 33, "densenet169": 33}
CIFAR, IMAGENET = ((3, 32, 32), 10), ((3, 224, 224), 1000)


@cache
def weightless(model: str, shape: tuple[int, int, int], classes: int, norm: str) -> nn.Module:
    """Built on the device without memory: layers and shapes."""
    with torch.device("meta"):
        return build(model, shape, classes, norm)


def convolutions_and_norms(module: nn.Module) -> tuple[list[nn.Module], list[nn.Module]]:
    """In the order of their definition."""
    found = list(module.modules())
    return (
        [m for m in found if isinstance(m, nn.Conv2d)],
        [m for m in found if isinstance(m, nn.BatchNorm2d)],
    )


# ---- sizes -------------------------------------------------------------------------------------

# A norm layer has two parameters a plane. In all but the pre-activation nets it follows a layer of
# as many planes, which with batch norm has no bias: planes, the third number, is what they sum to.
SIZES = [
    ("lenet-relu", CIFAR, 62_006, 6 + 16 + 120 + 84),
    ("sixconv", CIFAR, 12_546, 3 * 16 + 3 * 8),
    ("sixconv", ((1, 28, 28), 10), 11_058, 3 * 16 + 3 * 8),
    ("resnet18", CIFAR, 11_173_962 - 4_800, 4_800),
    ("resnet101", (CIFAR[0], 10), 42_512_970 - 52_672, 52_672),
    ("resnet101", (CIFAR[0], 100), 42_697_380 - 52_672, 52_672),
    ("resnet110", CIFAR, 1_727_962 - 4_048, 16 + 36 * (16 + 32 + 64)),
    ("resnet50", IMAGENET, 25_557_032 - 26_560, 26_560),
]


@pytest.mark.parametrize(("model", "task", "plain", "planes"), SIZES)
def test_number_of_parameters(
    model: str, task: tuple[tuple[int, int, int], int], plain: int, planes: int
) -> None:
    found = [count(model, task, norm) for norm in NORMS]
    assert found == [plain, plain + planes, plain + 2 * planes]


@pytest.mark.parametrize(
    ("model", "task", "batch"),
    [
        ("resnet18-small", CIFAR, 68_642),
        ("densenet40", CIFAR, 1_542_682),
        ("densenet169", IMAGENET, 14_149_480),
    ],
)
def test_number_of_parameters_with_pre_activation(
    model: str, task: tuple[tuple[int, int, int], int], batch: int
) -> None:
    """Norm layers are not as wide as the convolutions whose biases they spare."""
    convolutions, norms = convolutions_and_norms(weightless(model, *task, "batch"))
    biases = sum(m.weight.shape[0] for m in convolutions)
    of_norms = 2 * sum(m.weight.shape[0] for m in norms)
    plain = batch - of_norms + biases
    assert [count(model, task, norm) for norm in NORMS] == [plain, batch, plain + of_norms]


def count(model: str, task: tuple[tuple[int, int, int], int], norm: str) -> int:
    return sum(p.numel() for p in weightless(model, *task, norm).parameters())


def test_projections_make_resnet110_as_large_as_is_also_told() -> None:
    """1x1 convolutions and batch norm from 16 to 32 and from 32 to 64 planes."""
    assert count("resnet110", CIFAR, "batch") + 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64 == 1_730_714


@pytest.mark.parametrize("model", [*SMALL, *DEEP, *HUGE])
def test_convolutions_have_a_bias_unless_batch_norm_takes_it(model: str) -> None:
    for norm in NORMS:
        task = IMAGENET if model in ("resnet50", "densenet169") else CIFAR
        convolutions, _ = convolutions_and_norms(weightless(model, *task, norm))
        assert {m.bias is not None for m in convolutions} == {norm != "batch"}


# ---- layers ------------------------------------------------------------------------------------


def cifar_resnet(make: Callable[..., nn.Module]) -> nn.Module:
    module = make(num_classes=6)
    module.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    module.maxpool = nn.Identity()
    return module


def cifar_densenet() -> nn.Module:
    module = judge.DenseNet(36, (6, 6, 6), 72, num_classes=6)
    module.features.conv0 = nn.Conv2d(3, 72, 3, padding=1, bias=False)
    for name in ("norm0", "relu0", "pool0"):
        setattr(module.features, name, nn.Identity())
    return module


@pytest.mark.parametrize(
    ("model", "make", "side"),
    [
        ("resnet18", lambda: cifar_resnet(judge.resnet18), 13),
        ("densenet40", cifar_densenet, 13),
        pytest.param(
            "resnet101", lambda: cifar_resnet(judge.resnet101), 13, marks=pytest.mark.slow
        ),
        pytest.param("resnet50", lambda: judge.resnet50(num_classes=6), 65, marks=pytest.mark.slow),
        pytest.param(
            "densenet169", lambda: judge.densenet169(num_classes=6), 65, marks=pytest.mark.slow
        ),
    ],
)
def test_equals_torchvisions(model: str, make: Callable[[], nn.Module], side: int) -> None:
    """With its parameters in the order of definition; the CIFAR nets with its stem replaced."""
    ours, theirs = build(model, (3, side, side), 6, "batch").double(), make().double()
    state = theirs.state_dict().values()
    ours.load_state_dict(dict(zip(ours.state_dict(), state, strict=True)))
    x = torch.randn(4, 3, side, side, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x))
    ours.eval()
    theirs.eval()  # with the statistics of the call above
    torch.testing.assert_close(ours(x), theirs(x))


def test_resnet110_written_out() -> None:
    module = build("resnet110", (2, 11, 14), 5, "batch").eval()
    convolutions, norms = map(iter, convolutions_and_norms(module))
    x = torch.randn(2, 2, 11, 14)
    h = torch.relu(next(norms)(next(convolutions)(x)))
    for width in [16] * 18 + [32] * 18 + [64] * 18:
        y = torch.relu(next(norms)(next(convolutions)(h)))
        y = next(norms)(next(convolutions)(y))
        if h.shape[1] != width:
            h = h[:, :, ::2, ::2]
            h = torch.cat([h, torch.zeros_like(h)], 1)
        h = torch.relu(y + h)
    torch.testing.assert_close(module(x), module.classifier(F.adaptive_avg_pool2d(h, 1).flatten(1)))


def test_resnet18_small_written_out() -> None:
    module = build("resnet18-small", (2, 11, 14), 5, "batch").eval()
    convolutions, norms = map(iter, convolutions_and_norms(module))
    x = torch.randn(2, 2, 11, 14)
    h = torch.relu(next(norms)(next(convolutions)(x)))
    for width in [8] * 3 + [16] * 3 + [32] * 3:
        stride = 1 if h.shape[1] == width else 2
        a = torch.relu(next(norms)(h))
        first, middle, second = next(convolutions), next(norms), next(convolutions)
        assert first.weight.shape[0] == width
        assert first.stride == (stride, stride)
        h = second(torch.relu(middle(first(a)))) + (h if stride == 1 else next(convolutions)(a))
    torch.testing.assert_close(module(x), module.classifier(F.adaptive_avg_pool2d(h, 1).flatten(1)))


def test_lenet_relu_written_out() -> None:
    module = build("lenet-relu", (2, 17, 20), 5, "none")
    first, second = convolutions_and_norms(module)[0]
    linear = [m for m in module.modules() if isinstance(m, nn.Linear)]
    x = torch.randn(3, 2, 17, 20)
    h = F.max_pool2d(torch.relu(first(x)), 2)
    h = F.max_pool2d(torch.relu(second(h)), 2).flatten(1)
    expected = linear[2](torch.relu(linear[1](torch.relu(linear[0](h)))))
    torch.testing.assert_close(module(x), expected)


def test_sixconv_written_out() -> None:
    module = build("sixconv", (2, 9, 14), 5, "none")
    convolutions = convolutions_and_norms(module)[0]
    assert [len(m.weight) for m in convolutions] == [16, 16, 16, 8, 8, 8]
    h = x = torch.randn(3, 2, 9, 14)
    for m, stride in zip(convolutions, [1, 1, 2, 1, 1, 2], strict=True):
        h = torch.relu(F.conv2d(h, m.weight, m.bias, stride, padding=1))
    torch.testing.assert_close(module(x), module.classifier(h.flatten(1)))


# ---- lanes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "side", "norm"),
    [
        *((*item, norm) for item in SMALL.items() for norm in NORMS),
        *((*item, "batch") for item in DEEP.items()),
        *(pytest.param(*item, "batch", marks=pytest.mark.slow) for item in HUGE.items()),
    ],
)
def test_lanes_equal_one_net_after_another(model: str, side: int, norm: str) -> None:
    """Outputs in train mode, then in eval mode with the statistics that left behind.

    In double precision: the two ways sum in another order, and a hundred layers with batch norm
    over few pixels magnify that rounding (1e-16); a wrong layer would be off by far more than 1e-7.
    """
    nets = [build(model, (1, side, side), 3, norm).double() for _ in range(2)]
    parameters, buffers = stack_module_state(nets)
    x = torch.randn(2, 4, 1, side, side, dtype=torch.float64)

    def one(p: dict[str, Tensor], b: dict[str, Tensor], xi: Tensor) -> Tensor:
        return functional_call(nets[0], (p, b), (xi,))

    with torch.no_grad():
        for training in (True, False):
            for net in nets:
                net.train(training)
            fused = vmap(one)(parameters, buffers, x)
            apart = torch.stack([net(xi) for net, xi in zip(nets, x, strict=True)])
            torch.testing.assert_close(fused, apart, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("model", "side"), SMALL.items())
def test_metainit_finds_the_same_slopes_on_lanes(model: str, side: int) -> None:
    """Third derivatives through max pooling and pre-activation, fused and one after another."""
    nets = [build(model, (1, side, side), 3, "batch").double() for _ in range(2)]
    parameters, buffers = stack_module_state(nets)
    leaves = [p.detach().requires_grad_() for p in parameters.values()]
    x, y = torch.randn(2, 6, 1, side, side, dtype=torch.float64), torch.arange(12).view(2, 6) % 3
    epsilon = torch.full((2, 1), 1e-3, dtype=torch.float64)
    slopes = []
    for oracle in (Fused(nets[0]), Looped(nets[0])):

        def losses(p: list[Tensor], x: Tensor, y: Tensor, oracle: Oracle = oracle) -> Tensor:
            return oracle.losses(p, buffers, x, y)

        with SmoothNorms():
            quotients = gradient_quotient(leaves, losses, x, y, epsilon)
            slopes.append(torch.autograd.grad(quotients.sum(), leaves))
    # the quotient divides by gradients as small as epsilon, which magnifies rounding
    torch.testing.assert_close(slopes[0], slopes[1], rtol=1e-6, atol=1e-8)
    assert all(slope.abs().max() > 0 for slope in slopes[0])


# ---- images they cannot take -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "shape", "said"),
    [
        ("lenet-relu", (1, 15, 28), "at least 16x16, not 15x28: use --model sixconv"),
        ("lenet-relu", (1, 28, 15), "at least 16x16, not 28x15: use --model sixconv"),
        ("densenet40", (3, 4, 3), "at least 4x4, not 4x3: use --model resnet18"),
        ("densenet169", (3, 28, 40), "at least 29x29, not 28x40: use --model densenet40"),
    ],
)
def test_too_small_an_image_is_refused(model: str, shape: tuple[int, int, int], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{model} needs images of {said}$"):
        build(model, shape, 10, "none")


SMALLEST = {"lenet-relu": 16, "sixconv": 1, "densenet40": 4, "densenet169": 29}
SMALLEST |= dict.fromkeys(["resnet18", "resnet18-small", "resnet50", "resnet110"], 1)


@pytest.mark.parametrize(("model", "side"), SMALLEST.items())
def test_the_smallest_image_is_taken(model: str, side: int) -> None:
    with torch.device("meta"):
        module = build(model, (1, side, side), 2, "none")
        assert module(torch.randn(3, 1, side, side)).shape == (3, 2)
