"""How many gradients a second an H100 takes, from its records: measured, or scaled from a net."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from full_size_parts.costs import Training
from vrtune.lanes.size import size_of
from vrtune.models import build

MEASURED_AT = 32  # samples a batch, in the records
SHAPES = {"lenet": (1, 28, 28)}  # of samples, where they are not CIFAR's
CIFAR = (3, 32, 32)
BASES = {  # model -> the measured net that it is scaled from, by multiply-adds
    "resnet18": "resnet18",
    "resnet101": "resnet101",
    "lenet-relu": "lenet",
    "resnet18-small": "resnet18",
    "resnet110": "resnet18",
    "densenet40": "resnet18",
}
ROWS = {  # of the record's part `ways`: the way that a search chooses, at the fewest lanes
    "resnet18": "resnet18 looped 4",
    "resnet101": "resnet101 looped 4",
    "lenet": "lenet fused 4",
}
SMALL = "lenet looped 4"


@dataclass(frozen=True)
class Rate:
    """Gradient computations a second, and in words where the number is from."""

    per_second: float
    basis: str


@cache
def multiply_adds(model: str) -> tuple[float, int]:
    """Of a forward pass, a sample; and the convolutions and linear layers that make them."""
    shape = SHAPES.get(model, CIFAR)
    size = size_of(build(model, shape, 10, "batch"), shape)
    layers = sum(len(weight) > 1 for weight in size.shapes)
    return size.products * layers, layers


class Rates:
    """Of one record of benchmarks/gpu.py."""

    def __init__(self, record: Path) -> None:
        parts: dict[str, Any] = json.loads(record.read_text())["parts"]
        ways, precisions = parts["ways"]["rows"], parts["precision"]["rows"]
        # kernels of small layers take no less for fewer products
        self.layer_s = 1 / ways[SMALL]["lane_steps_per_s"] / multiply_adds("lenet")[1]
        self.measured = {m: ways[row]["lane_steps_per_s"] for m, row in ROWS.items()}
        known = {
            precision: precisions[f"{precision} batch looped"]["lane_steps_per_s"]
            for precision in ("float32", "tf32", "bfloat16")
        }
        self.gain = {precision: rate / known["float32"] for precision, rate in known.items()}

    def of(self, training: Training) -> Rate:
        """Of a training's net, precision and batch size."""
        model, base = training.model, BASES[training.model]
        seconds = 1 / self.measured[base]
        words = [f"{ROWS[base]}, {self.measured[base]:.1f}/s"]
        if base != model:
            times = multiply_adds(model)[0] / multiply_adds(base)[0]
            seconds *= times
            words.append(f"{model} by {times:.3g} times its multiply-adds (estimate)")
        if training.precision != "float32":
            gain = self.gain[training.precision]
            seconds /= gain
            same = "measured" if model == "resnet18" else "ResNet-18's, an estimate here"
            words.append(f"{training.precision} {gain:.2f} times as fast ({same})")
        if training.batch != MEASURED_AT:
            seconds *= training.batch / MEASURED_AT
            words.append(f"batch {training.batch} as {training.batch / MEASURED_AT:g} of 32")
        least = multiply_adds(model)[1] * self.layer_s if base not in (model, "lenet") else 0.0
        if least > seconds:
            seconds = least
            layers = round(least / self.layer_s)
            words = [f"{layers} layers at {1000 * self.layer_s:.3f} ms, as {SMALL} (estimate)"]
        return Rate(1 / seconds, "; ".join(words))
