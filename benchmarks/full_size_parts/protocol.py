"""The source's protocol on its deep nets: methods, their grids and epochs, what it found."""

from __future__ import annotations

from pathlib import Path

from optuna.trial import FixedTrial

from vrtune import TrialConfig
from vrtune.spaces.space import load

SPACES = Path(__file__).with_name("spaces")
METHODS = ("sgd", "adam", "adagrad", "svrg", "alpha-svrg", "storm", "svrg-metainit")
FEWER = ("svrg", "alpha-svrg", "svrg-metainit")  # epochs: the source gave SVRG 150 of 200
SHARE = 0.75
DEEP = "resnet101"  # has a grid of Adam's own
SOURCE = {  # test accuracy at the end, by model and norm
    ("resnet18", "batch"): {"sgd": 0.9221, "adam": 0.9184, "svrg": 0.886},
    ("resnet18", "none"): {"sgd": 0.8382, "adam": 0.8268, "svrg": 0.8044},
    ("resnet101", "batch"): {"sgd": 0.7239, "adam": 0.7073, "svrg": 0.5947},
    ("resnet101", "none"): {"sgd": 0.4771, "adam": 0.6055, "svrg": 0.4441},
}


def space_of(method: str, model: str) -> Path:
    """The file of a method's grid."""
    name = method.replace("-", "_")
    own = f"{name}_deep" if (method, model) == ("adam", DEEP) else name
    return SPACES / f"{own}.py"


def grid_of(method: str, model: str) -> list[TrialConfig]:
    """Every setting that is tried."""
    space = load(space_of(method, model))
    return [space.suggest(FixedTrial(dict(point))) for point in space.grid()]


def epochs_of(method: str, epochs: int) -> int:
    """Those of a method, where SGD has so many."""
    return max(1, round(SHARE * epochs)) if method in FEWER else epochs
