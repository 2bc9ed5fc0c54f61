"""The commands of full size, one a study, as docs/full-size.md shows them."""

from __future__ import annotations

import argparse
import shlex
from importlib import import_module

from full_size_parts.costs import Training

FAST = "--precision tf32"
COMMANDS = {
    "ResNet-18 on CIFAR-10": f"python benchmarks/resnets.py --dataset cifar10 {FAST}",
    "ResNet-101 on CIFAR-100": "python benchmarks/resnets.py --model resnet101 --dataset cifar100 "
    f"--methods sgd adam svrg alpha-svrg {FAST}",
    "MetaInit before SVRG": "python benchmarks/resnets.py --model resnet101 --dataset cifar100 "
    f"--norms none --methods svrg svrg-metainit --name metainit {FAST}",
    "Variance by norm": "python benchmarks/batch_norm.py --dataset cifar10",
    "Variance ratios": "python benchmarks/variance.py --dataset cifar10",
    "Late starts": f"python benchmarks/late_starts.py --dataset cifar10 {FAST}",
    "SCSG": "python benchmarks/scsg.py --dataset cifar10",
}


def parsed(command: str) -> tuple[str, argparse.Namespace, list[Training]]:
    """The script of a command, its arguments, and the trainings that it comes to."""
    python, script, *words = shlex.split(command)
    assert python == "python"
    name = script.removeprefix("benchmarks/").removesuffix(".py")
    module = import_module(name)
    given = module.asked(words)
    return name, given, module.plan(given)
