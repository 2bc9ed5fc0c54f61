"""What is searched while faults are caused: a grid, whose every point is to be trained once."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STUDY = "s"
METHODS = ("svrg", "storm", "saga", "adam")  # what each keeps from step to step differs
SPACE = '''"""Methods that keep something of their own from step to step."""

from optuna import Trial

from vrtune import SAGA, SGD, STORM, SVRG, Adam, Cosine, TrialConfig

GRID = {grid!r}


def suggest(trial: Trial) -> TrialConfig:
    """The method, and its step size, or STORM's k."""
    method = trial.suggest_categorical("method", {methods!r})
    lr = trial.suggest_float("lr", 0.001, 2.0, log=True)
    if method == "adam":
        return TrialConfig(optimizer=Adam(lr=lr / 10), schedule=Cosine())
    if method == "storm":
        return TrialConfig(estimator=STORM(k=lr), optimizer=SGD())
    estimator = SVRG() if method == "svrg" else SAGA()
    momentum = 0.5 if method == "svrg" else 0.0
    return TrialConfig(estimator=estimator, optimizer=SGD(lr=lr, momentum=momentum))
'''


@dataclass(frozen=True)
class Shape:
    """Processes of a search, `vrtune work` beside it, and the trials that each trains at a time."""

    processes: int = 2
    workers: int = 0
    open: int = 1


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A grid of methods and rates on digits, of which each process trains some at a time."""

    rates: int = 6
    methods: Sequence[str] = METHODS
    epochs: int = 100  # a trial takes longer than there is time between two kills
    every: int | None = 5  # epochs between two checkpoints; None: this vrtune writes none
    retrain: int = 0
    confirm: int = 1
    seeds: int = 3

    @property
    def grid(self) -> dict[str, list[Any]]:
        """The points that are to be trained."""
        rates = [round(0.02 * 1.5**k, 4) for k in range(self.rates)]
        return {"method": [*self.methods], "lr": rates}

    @property
    def points(self) -> list[dict[str, Any]]:
        """The same one by one."""
        return [
            dict(zip(self.grid, p, strict=True)) for p in itertools.product(*self.grid.values())
        ]

    def write(self, folder: Path) -> None:
        """Writes the search space into a folder."""
        text = SPACE.format(grid=self.grid, methods=[*METHODS])
        (folder / "space.py").write_text(text)

    def search(self, url: str, shape: Shape) -> list[str]:
        """The command that searches, in that folder."""
        words = f"search space.py --study {STUDY} --storage {url}"
        words += f" --jobs {shape.processes} --open {shape.open}"
        words += f" --model mlp --norm batch --folds 2 --batch-size 16 --epochs {self.epochs}"
        words += " --sampler grid --pruner none --artifacts off --device cpu"
        words += f" --confirm {self.confirm}"
        words += f" --retrain {self.retrain} --retrain-seeds {self.seeds}"
        words += f" --checkpoint {self.every}" if self.every else ""
        return vrtune(words)

    def commands(self, url: str, shape: Shape) -> list[list[str]]:
        """The search, and the workers beside it as an engine starts them."""
        work = vrtune(f"work {STUDY} --storage {url} --jobs 1 --device cpu")
        return [self.search(url, shape), *[work] * shape.workers]


def vrtune(words: str) -> list[str]:
    """A command, for this Python."""
    return [sys.executable, "-m", "vrtune.cli.main", *words.split()]
