"""An objective: losses a sample, metrics, what a guess loses, and what is refused."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.objectives import LOSSES
from vrtune.objectives.objective import Objective, objective_of

LABELS = torch.tensor([0, 1, 2, 0, 0, 1])
NUMBERS = torch.tensor([10.0, 20.0, 30.0, 40.0])


def made(y: Tensor = LABELS, **settings: Any) -> Objective:
    return objective_of(Task(**settings), y, 1 if y.is_floating_point() else 3)


def outputs(lanes: int, y: Tensor, k: int) -> Tensor:
    return torch.randn(lanes, len(y), k, generator=torch.Generator().manual_seed(0))


def test_labels_are_learned_by_cross_entropy() -> None:
    objective = made()
    x, y = outputs(2, LABELS, 3), LABELS.expand(2, -1)
    expected = [F.cross_entropy(x[i], y[i]) for i in range(2)]
    torch.testing.assert_close(objective.mean(x, y), torch.stack(expected))
    assert (objective.metric, objective.direction, objective.score) == (
        "loss",
        "minimize",
        "accuracy",
    )
    assert objective.names == ("accuracy",)
    assert objective.guess == pytest.approx(math.log(3), rel=1e-15)


def test_numbers_are_learned_by_their_square() -> None:
    objective = made(NUMBERS)
    x, y = outputs(2, NUMBERS, 1), NUMBERS.expand(2, -1)
    torch.testing.assert_close(objective.mean(x, y), (x[..., 0] - y).square().mean(1))
    assert (objective.score, objective.names) == ("r2", ("r2", "rmse", "mae"))
    assert objective.guess == pytest.approx(1.0)  # of targets whose variance is 1


@pytest.mark.parametrize(
    ("loss", "twin"), [("mse", F.mse_loss), ("mae", F.l1_loss), ("huber", F.huber_loss)]
)
def test_losses_of_numbers_are_pytorchs(loss: str, twin: Any) -> None:
    x, y = outputs(1, NUMBERS, 1)[0] * 2, torch.zeros(4)
    torch.testing.assert_close(LOSSES[loss](x, y), twin(x[:, 0], y, reduction="none"))


def test_smoothing_and_class_weights_are_pytorchs() -> None:
    weights = (1.0, 2.0, 0.5)
    objective = made(label_smoothing=0.1, class_weights=weights)
    x = outputs(1, LABELS, 3)[0]
    expected = F.cross_entropy(
        x, LABELS, torch.tensor(weights), reduction="none", label_smoothing=0.1
    )
    torch.testing.assert_close(objective.each(x, LABELS), expected)


def test_balanced_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    x = outputs(1, LABELS, 3)[0]
    found = made(class_weights="balanced").each(x, LABELS) / F.cross_entropy(
        x, LABELS, reduction="none"
    )
    torch.testing.assert_close(
        found.double(), torch.from_numpy(expected)[LABELS], rtol=1e-6, atol=0
    )


def test_a_metric_decides_the_direction() -> None:
    objective = made(metric="macro-f1")
    assert (objective.metric, objective.direction) == ("macro-f1", "maximize")
    assert objective.names == ("accuracy", "macro-f1")
    assert made(NUMBERS, metric="rmse").direction == "minimize"


OWN = """
import torch

def focal(outputs, y):
    p = outputs.log_softmax(1).gather(1, y[:, None])[:, 0]
    return -(1 - p.exp()) ** 2 * p

def whole(outputs, y):
    return torch.nn.functional.cross_entropy(outputs, y)

def mixed(outputs, y):
    each = torch.nn.functional.cross_entropy(outputs, y, reduction="none")
    return each * each.sum()

def scaled(outputs, y):
    each = torch.nn.functional.cross_entropy(outputs, y, reduction="none")
    return each * each.mean().detach()

def noisy(outputs, y):
    return focal(outputs + torch.randn_like(outputs), y)

class Learned(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(()))

    def forward(self, outputs, y):
        return focal(outputs * self.scale, y)

class Weighted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("weight", torch.tensor([1.0, 2.0, 0.5]))

    def forward(self, outputs, y):
        return torch.nn.functional.cross_entropy(outputs, y, self.weight, reduction="none")

def flat(outputs, y):
    return torch.zeros(len(y))

def broken(outputs, y):
    raise KeyError("no")

class Smooth(torch.nn.Module):
    def __init__(self, share=0.1):
        super().__init__()
        self.share = share

    def forward(self, outputs, y):
        return torch.nn.functional.cross_entropy(
            outputs, y, reduction="none", label_smoothing=self.share
        )

class Needs:
    def __init__(self, share):
        pass

number = 3

def top2(outputs, y):
    return (outputs.topk(2).indices == y[:, None]).any(1).float().mean()

top2.direction = "maximize"

def worst(outputs, y):
    return (outputs - y).abs().max()

worst.direction = "minimize"

def undirected(outputs, y):
    return 0.0

def accuracy(outputs, y):
    return 0.0

accuracy.direction = "maximize"
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


def test_a_loss_of_ones_own(own: str) -> None:
    x = outputs(1, LABELS, 3)[0]
    p = x.softmax(1).gather(1, LABELS[:, None])[:, 0]
    torch.testing.assert_close(made(loss=f"{own}:focal").each(x, LABELS), -((1 - p) ** 2) * p.log())
    expected = F.cross_entropy(x, LABELS, reduction="none", label_smoothing=0.1)
    torch.testing.assert_close(made(loss=f"{own}:Smooth").each(x, LABELS), expected)


def test_buffers_of_a_loss_go_where_the_outputs_are(own: str) -> None:
    loss = made(loss=f"{own}:Weighted").each
    x = outputs(1, LABELS, 3)[0]
    expected = F.cross_entropy(x, LABELS, torch.tensor([1.0, 2.0, 0.5]), reduction="none")
    torch.testing.assert_close(loss(x, LABELS), expected)
    assert loss(x.to("meta"), LABELS.to("meta")).device.type == "meta"


def test_a_metric_of_ones_own(own: str) -> None:
    """Beside the metrics of vrtune; of labels it is given outputs, of numbers predictions."""
    objective = made(metric=f"{own}:top2")
    assert (objective.metric, objective.score, objective.direction) == ("top2", "top2", "maximize")
    assert objective.names == ("accuracy", "top2")
    x, y = outputs(2, LABELS, 3), LABELS.expand(2, -1)
    hits = (x.topk(2).indices == y[..., None]).any(2).double().mean(1)
    torch.testing.assert_close(objective.judge(x, y)["top2"], hits, rtol=1e-6, atol=0)
    x, y = outputs(2, NUMBERS, 1), NUMBERS.expand(2, -1)
    found = made(NUMBERS, metric=f"{own}:worst").judge(x, y)["worst"]
    torch.testing.assert_close(
        found, (x[..., 0].double() - y).abs().max(1).values, rtol=1e-6, atol=0
    )


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"loss": "mse"}, "loss mse is for numbers, and the targets of the data are labels"),
        ({"loss": "hinge"}, "there is no loss 'hinge': choose one of auto, cross-entropy"),
        ({"metric": "r2"}, "metric r2 is for numbers"),
        ({"metric": "auc"}, "there is no metric 'auc': choose one of loss, accuracy"),
        ({"class_weights": (1.0, 2.0)}, "class_weights holds 2 weights, and there are 3 classes"),
        ({"loss": "OWN:focal", "label_smoothing": 0.1}, "label_smoothing belongs to cross-entropy"),
        ({"loss": "OWN:whole"}, r"gives shape \(\) for 4 samples: return a loss a sample"),
        ({"loss": "OWN:mixed"}, "lets a sample's loss depend on others"),
        ({"loss": "OWN:scaled"}, "lets a sample's loss depend on others"),
        ({"loss": "OWN:noisy"}, "gives other losses each time: draw no random numbers"),
        ({"loss": "OWN:Learned"}, "has parameters of its own, which nobody would train"),
        ({"loss": "OWN:flat"}, "has no gradient"),
        ({"loss": "OWN:broken"}, "raises KeyError: 'no' for outputs"),
        ({"loss": "OWN:Needs"}, "can't be made without arguments"),
        ({"loss": "OWN:number"}, "is no function: it is 3"),
        ({"loss": "OWN:missing"}, "there is no missing in .*own.py"),
        ({"loss": "gone.py:f"}, "gone.py can't be read"),
        ({"loss": "no_such_module:f"}, "no_such_module can't be imported"),
        ({"metric": "OWN:undirected"}, "write undirected.direction"),
        ({"metric": "OWN:accuracy"}, "has the name of one of vrtune's"),
        ({"metric": "OWN:broken"}, "doesn't say which way is better"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(own: str, settings: dict[str, Any], sentence: str) -> None:
    given = {k: v.replace("OWN", own) if isinstance(v, str) else v for k, v in settings.items()}
    with pytest.raises(UsageError, match=sentence):
        made(**given)


def test_numbers_have_no_classes() -> None:
    for settings in ({"loss": "cross-entropy"}, {"metric": "accuracy"}, {"label_smoothing": 0.1}):
        with pytest.raises(UsageError):
            made(NUMBERS, **settings)


def test_no_training_fails_by_a_loss_that_does_not_decide() -> None:
    assert math.isnan(made(metric="accuracy").guess)
