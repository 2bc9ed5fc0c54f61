"""Records a table: trains settings of a space to their ends, and keeps what each fold said."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.samplers import RandomSampler
from optuna.trial import FixedTrial

from search_quality_parts.cube import Cube
from search_quality_parts.plans import Plan, near, spread
from search_quality_parts.table import TABLES
from vrtune import spaces
from vrtune.lanes.device import choose_device, one_thread
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.spaces import Space
from vrtune.storages.quiet import quiet
from vrtune.trial_config import TrialConfig

AT_ONCE = 8  # trials

Curves = dict[str, np.ndarray]


class Recording:
    """The curves of a space on a task."""

    def __init__(self, plan: Plan, data_dir: Path) -> None:
        task, device = plan.make_task(), choose_device("cpu")
        self.plan, self.task = plan, task
        self.workspace = Workspace(task, data_dir, device)
        self.space = spaces.load(plan.space, task.init)
        self.cube = Cube(asked(self.space))
        self.settings: list[dict[str, Any]] = []
        self.curves: list[Curves] = []

    def run(self) -> None:
        """GRID, the spread, and then what is near the best of these."""
        self.train([*self.space.grid(), *spread(self.cube, self.plan.spread)])
        ends = self.joined("loss")[:, -1].mean(1)
        self.train([*near(self.cube, self.settings, ends, self.plan.near)])

    def train(self, settings: list[dict[str, Any]]) -> None:
        """Those that are new, a few at a time; those whose inits take as long together, as lanes
        are initialised until the last one is."""
        settings = [s for n, s in enumerate(settings) if s not in [*settings[:n], *self.settings]]
        settings.sort(key=lambda setting: self._config(setting).init.spent)
        for at in range(0, len(settings), AT_ONCE):
            self.settings += (some := settings[at : at + AT_ONCE])
            self.curves.append(self._trained(some))

    def _trained(self, settings: list[dict[str, Any]]) -> Curves:
        pool, n = Pool(self.workspace, self.workspace.folds, fused=True), len(settings)
        pool.exchange([], {k: self._config(setting) for k, setting in enumerate(settings)})
        parts = (n, self.task.epochs, self.task.parts)
        loss, acc, grads = np.zeros(parts), np.zeros(parts), np.zeros(parts[:2])
        for epoch in range(self.task.epochs):
            standings = pool.validate(pool.train_epoch(lambda: None))
            for k, standing in standings.items():
                loss[k, epoch], acc[k, epoch] = standing.losses, standing.accuracies
                grads[k, epoch] = standing.gradient_computations
        return {"loss": loss, "acc": acc, "grads": grads}

    def _config(self, setting: dict[str, Any]) -> TrialConfig:
        return self.space.suggest(FixedTrial(setting))  # type: ignore[arg-type]

    def joined(self, what: str) -> np.ndarray:
        return np.concatenate([curves[what] for curves in self.curves])

    def save(self, path: Path, seconds: float) -> None:
        """loss, acc [setting, epoch, fold], grads [setting, epoch] since the start, X [setting,
        parameter] in Optuna's internal form, grid [setting] whether of GRID, and meta."""
        dists, grid = self.cube.distributions, self.space.grid()
        meta = {
            "space": self.space.name,
            "task": self.task.model_dump(mode="json"),
            "classes": self.workspace.dataset.classes,
            "names": list(dists),
            "dists": {name: json.loads(distribution_to_json(d)) for name, d in dists.items()},
            "default": self.space.default() or None,
            "versions": {name: version(name) for name in ("vrtune", "torch", "optuna")},
            "seconds": round(seconds),
        }
        x = [[d.to_internal_repr(s[name]) for name, d in dists.items()] for s in self.settings]
        np.savez_compressed(
            path,
            loss=self.joined("loss").astype(np.float32),
            acc=self.joined("acc").astype(np.float16),
            grads=self.joined("grads").astype(np.float32),
            X=np.array(x),
            grid=np.array([setting in grid for setting in self.settings]),
            meta=np.array(json.dumps(meta)),
        )


def record(name: str, plan: Plan, data_dir: Path, folder: Path = TABLES) -> None:
    """Writes a table, and says how long it took."""
    began = time.perf_counter()
    recording = Recording(plan, data_dir)
    with one_thread(recording.workspace.device):
        recording.run()
    seconds = time.perf_counter() - began
    folder.mkdir(exist_ok=True)
    recording.save(folder / f"{name}.npz", seconds)
    ends = recording.joined("loss")[:, -1].mean(1)
    print(
        f"{name}: {len(ends)} settings, {seconds:.0f} s, the best {np.nanmin(ends):.4f}", flush=True
    )


@quiet()
def asked(space: Space) -> dict[str, Any]:
    """The parameters of a space, in the order in which it asks for them."""
    trial = optuna.create_study(sampler=RandomSampler(seed=0)).ask()
    space.suggest(trial)
    return dict(trial.distributions)
