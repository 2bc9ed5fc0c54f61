"""vrtune: fair, cheap comparisons of variance-reduced optimizers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vrtune.config import Task, TrialConfig
    from vrtune.diagnosing.diagnose import diagnose
    from vrtune.estimators.alpha_svrg import AlphaSVRG
    from vrtune.estimators.mars import MARS, MARSApproximate
    from vrtune.estimators.optimal_svrg import OptimalSVRG
    from vrtune.estimators.plain import Plain
    from vrtune.estimators.scsg import SCSG
    from vrtune.estimators.storm import STORM
    from vrtune.estimators.svrg import SVRG
    from vrtune.exporting.export import export, load_config
    from vrtune.inits.default import Default
    from vrtune.inits.metainit import MetaInit
    from vrtune.optimizers.adagrad import AdaGrad
    from vrtune.optimizers.adam import Adam
    from vrtune.optimizers.sgd import SGD
    from vrtune.retraining import retrain
    from vrtune.retraining import train_config as train
    from vrtune.schedules.constant import Constant
    from vrtune.schedules.cosine import Cosine
    from vrtune.schedules.cyclic import Cyclic
    from vrtune.schedules.one_cycle import OneCycle
    from vrtune.schedules.step import Step
    from vrtune.searching.search import search

__all__ = [
    "MARS",
    "SCSG",
    "SGD",
    "STORM",
    "SVRG",
    "AdaGrad",
    "Adam",
    "AlphaSVRG",
    "Constant",
    "Cosine",
    "Cyclic",
    "Default",
    "MARSApproximate",
    "MetaInit",
    "OneCycle",
    "OptimalSVRG",
    "Plain",
    "Step",
    "Task",
    "TrialConfig",
    "diagnose",
    "export",
    "load_config",
    "retrain",
    "search",
    "train",
]

# name -> (module, name there): read when first asked for, so that `vrtune -h` needs no PyTorch
_HOMES = {
    "SGD": ("vrtune.optimizers.sgd", "SGD"),
    "STORM": ("vrtune.estimators.storm", "STORM"),
    "SVRG": ("vrtune.estimators.svrg", "SVRG"),
    "AdaGrad": ("vrtune.optimizers.adagrad", "AdaGrad"),
    "Adam": ("vrtune.optimizers.adam", "Adam"),
    "Default": ("vrtune.inits.default", "Default"),
    "MetaInit": ("vrtune.inits.metainit", "MetaInit"),
    "Plain": ("vrtune.estimators.plain", "Plain"),
    "MARS": ("vrtune.estimators.mars", "MARS"),
    "MARSApproximate": ("vrtune.estimators.mars", "MARSApproximate"),
    "AlphaSVRG": ("vrtune.estimators.alpha_svrg", "AlphaSVRG"),
    "OptimalSVRG": ("vrtune.estimators.optimal_svrg", "OptimalSVRG"),
    "SCSG": ("vrtune.estimators.scsg", "SCSG"),
    "Constant": ("vrtune.schedules.constant", "Constant"),
    "Cosine": ("vrtune.schedules.cosine", "Cosine"),
    "Cyclic": ("vrtune.schedules.cyclic", "Cyclic"),
    "OneCycle": ("vrtune.schedules.one_cycle", "OneCycle"),
    "Step": ("vrtune.schedules.step", "Step"),
    "Task": ("vrtune.config", "Task"),
    "TrialConfig": ("vrtune.config", "TrialConfig"),
    "diagnose": ("vrtune.diagnosing.diagnose", "diagnose"),
    "export": ("vrtune.exporting.export", "export"),
    "load_config": ("vrtune.exporting.export", "load_config"),
    "retrain": ("vrtune.retraining", "retrain"),
    "search": ("vrtune.searching.search", "search"),
    "train": ("vrtune.retraining", "train_config"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "TrialConfig":  # its parts are told apart by kind, so every kind must be known
        for registry in ("estimators", "inits", "optimizers", "schedules"):
            import_module(f"vrtune.{registry}")
    module, there = _HOMES[name]
    value = globals()[name] = getattr(import_module(module), there)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
