"""What Defazio & Bottou's studies have in common: nets, data, rule, and how the step size falls.

By their code (facebookresearch/deep-variance-reduction): CIFAR-10, batch 128, batch norm, momentum
0.9, weight decay 1e-4, learning rate 0.1 (0.05 for the test errors of ResNet-110), a tenth of it
from epochs 150 and 225 of 250; a snapshot every epoch.
"""

from __future__ import annotations

import argparse
from typing import Any

from vrtune import SCSG, SGD, SVRG, Step, Task, TrialConfig
from vrtune.units import EstimatorSettings

NETS = ("lenet-relu", "resnet18-small", "resnet110", "densenet40")
SAMPLES, TESTED = 50_000, 10_000  # of CIFAR-10
FALLS = (0.6, 0.9)  # shares of the epochs
MEGA = 10  # batches of a streaming snapshot, and steps on it


def rates(lr: float, falls: tuple[float, ...]) -> dict[str, Any]:
    """Their step rule, and its schedule if there is one."""
    found: dict[str, Any] = {"optimizer": SGD(lr=lr, momentum=0.9, weight_decay=1e-4)}
    return found | ({"schedule": Step(milestones=falls)} if falls else {})


def config_of(
    method: str, lr: float, falls: tuple[float, ...] = FALLS, start: float = 0.0
) -> TrialConfig:
    """sgd, svrg (from a share of the run on) or scsg with their rule."""
    estimators: dict[str, EstimatorSettings] = {
        "svrg": SVRG(snapshot_period=1, start_share=start),
        "scsg": SCSG(mega_batch=MEGA),
    }
    chosen = {"estimator": estimators[method]} if method in estimators else {}
    return TrialConfig(**chosen, **rates(lr, falls))


def task_of(given: argparse.Namespace, model: str, *, lock: bool = True) -> Task:
    """Their data and batches, as the command line has them."""
    return Task(
        dataset=given.dataset, model=model, norm="batch", limit=given.limit, epochs=given.epochs,
        batch_size=given.batch, augment="crop-flip", lock_transforms=lock,
        precision=given.precision,
    )  # fmt: skip
