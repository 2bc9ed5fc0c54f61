"""vrtune: fair, cheap comparisons of variance-reduced optimizers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vrtune.averages import *
    from vrtune.chains import *
    from vrtune.comparing.compare import compare
    from vrtune.config import Task
    from vrtune.diagnosing.diagnose import diagnose
    from vrtune.estimators import *
    from vrtune.exporting.export import export, load_config
    from vrtune.inits import *
    from vrtune.optim.metainit import metainit
    from vrtune.optimizers import *
    from vrtune.penalties import *
    from vrtune.ranging.range_test import range_test
    from vrtune.replaying.replay import replay
    from vrtune.reporting.report import report
    from vrtune.retraining import retrain
    from vrtune.retraining import train_config as train
    from vrtune.scaling.batch_size import batch_size
    from vrtune.schedules import *
    from vrtune.searching.search import search
    from vrtune.searching.work import work
    from vrtune.strategy import AutoSampler, FoldsPruner
    from vrtune.studies.folds import report_folds
    from vrtune.trial_config import TrialConfig

# name -> (module, name there): read when first asked for, so that `vrtune -h` needs no PyTorch
_HOMES = {
    "AutoSampler": ("vrtune.strategy", "AutoSampler"),
    "FoldsPruner": ("vrtune.strategy", "FoldsPruner"),
    "Task": ("vrtune.config", "Task"),
    "TrialConfig": ("vrtune.trial_config", "TrialConfig"),
    "batch_size": ("vrtune.scaling.batch_size", "batch_size"),
    "compare": ("vrtune.comparing.compare", "compare"),
    "diagnose": ("vrtune.diagnosing.diagnose", "diagnose"),
    "export": ("vrtune.exporting.export", "export"),
    "load_config": ("vrtune.exporting.export", "load_config"),
    "metainit": ("vrtune.optim.metainit", "metainit"),
    "range_test": ("vrtune.ranging.range_test", "range_test"),
    "replay": ("vrtune.replaying.replay", "replay"),
    "report": ("vrtune.reporting.report", "report"),
    "report_folds": ("vrtune.studies.folds", "report_folds"),
    "retrain": ("vrtune.retraining", "retrain"),
    "search": ("vrtune.searching.search", "search"),
    "train": ("vrtune.retraining", "train_config"),
    "work": ("vrtune.searching.work", "work"),
}


def __getattr__(name: str) -> Any:
    """A function of the above, or the settings of a unit: those of every unit belong here."""
    if name in _HOMES:
        module, there = _HOMES[name]
        value = getattr(import_module(module), there)
    elif name == "__all__":
        value = sorted([*_HOMES, *_units()])
    elif name.startswith("_") or name not in _units():
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    else:
        value = _units()[name]
    globals()[name] = value
    return value


def _units() -> dict[str, type[Any]]:
    """The settings of vrtune's own units, by the names of their classes."""
    from vrtune.trial_config import ROLES

    return {
        settings.__name__: settings
        for role in ROLES
        for settings in role.enrolled.values()
        if settings.__module__.startswith("vrtune.")
    }


def __dir__() -> list[str]:
    return sorted({*globals(), *__getattr__("__all__")})
