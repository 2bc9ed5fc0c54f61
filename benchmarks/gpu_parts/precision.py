"""What TF32 and bfloat16 do to the losses of a ResNet-18, and to its speed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from statistics import fmean

from gpu_parts.made import CIFAR, pool_of, samples, workspace
from gpu_parts.pace import Pacer
from gpu_parts.running import Bench, Case, Part, Row
from gpu_parts.taken import begin, peak
from vrtune import SGD, TrialConfig

RATES = (0.02, 0.05)  # a trial of four lanes each
EPOCHS, STEPS = 4, 15
# bfloat16 with batch norm can't be fused
WAYS = (
    ("float32", "batch", True),
    ("tf32", "batch", True),
    ("bfloat16", "batch", False),
    ("float32", "batch", False),
    ("tf32", "batch", False),
    ("float32", "layer", True),
    ("tf32", "layer", True),
    ("bfloat16", "layer", True),
    ("bfloat16", "layer", False),
)
SMALL = (("float32", "batch", True), ("bfloat16", "batch", False))


def cases(bench: Bench) -> Iterator[Case]:
    """Every precision, fused and looped, with each norm that allows it."""
    for precision, norm, fused in SMALL if bench.small else WAYS:
        way = "fused" if fused else "looped"
        yield f"{precision} {norm} {way}", partial(_train, bench, precision, norm, fused=fused)


def _train(bench: Bench, precision: str, norm: str, *, fused: bool) -> Row:
    """The same lanes for a few epochs: the first is not timed."""
    base, small = begin(bench), bench.small
    space = workspace(
        bench.device,
        samples(1 if small else STEPS),
        (1, 16, 16) if small else CIFAR,
        model="lenet" if small else "resnet18",
        norm=norm,
        epochs=2 if small else EPOCHS,
        precision=precision,
    )
    with pool_of(space, fused=fused) as pool:
        pacer = Pacer(bench, pool)
        rates = {i: SGD(lr=lr, momentum=0.9) for i, lr in enumerate(RATES)}
        pool.exchange([], {i: TrialConfig(optimizer=sgd) for i, sgd in rates.items()})
        pacer.warm_up(float("inf"))
        for _ in range(space.task.epochs - 2):
            pacer.epoch()
        losses = pool.train_epoch(lambda: None)
        began = time.perf_counter()
        judged = pool.validate(losses)
        bench.wait()
        validation_s = time.perf_counter() - began
        return {
            **pacer.row(),
            "train_loss": [fmean(losses[i]) for i in rates],
            "validation_loss": [fmean(judged[i].losses) for i in rates],
            "accuracy": [fmean(judged[i].accuracies) for i in rates],
            "validation_s": validation_s,
            **peak(bench, base),
        }


PART = Part("precision", 7, cases)
