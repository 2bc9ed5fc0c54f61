"""The golden curve: losses that every way to train must arrive at.

Run `python tests/golden/make.py` to write golden.json anew, after a change that is meant to change
what training computes; the changelog then has to say so.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from vrtune import SGD, STORM, SVRG, MetaInit, Task, TrialConfig
from vrtune.lanes.pool import Pool, Standing
from vrtune.lanes.workspace import Workspace

FILE = Path(__file__).with_name("golden.json")
TASK = Task(dataset="digits", model="lenet", norm="batch", folds=2, epochs=4, limit=300, seed=1)
CONFIGS = {
    "sgd": TrialConfig(optimizer=SGD(lr=0.05, momentum=0.9)),
    "svrg": TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=SGD(lr=0.2)),
    "storm": TrialConfig(estimator=STORM(k=0.3, w=0.1, c=10.0), optimizer=SGD()),
    "metainit": TrialConfig(optimizer=SGD(lr=0.1), init=MetaInit(lr=0.02, momentum=0.5, steps=3)),
}

Curve = dict[str, list[list[float]]]  # "train" and "validation", each [epoch][fold]


def workspace() -> Workspace:
    """The golden task on the CPU."""
    return Workspace(TASK, Path(), torch.device("cpu"))


def curve(rounds: list[Standing]) -> Curve:
    """What is kept of a trial's epochs."""
    return {
        "train": [state.train_losses for state in rounds],
        "validation": [state.losses for state in rounds],
    }


def train(config: TrialConfig, space: Workspace, *, fused: bool) -> Curve:
    """A trial alone, from its first epoch to its last."""
    pool = Pool(space, space.folds, fused=fused)
    pool.exchange([], {0: config})
    return curve([pool.validate(pool.train_epoch(lambda: None))[0] for _ in range(TASK.epochs)])


def golden() -> dict[str, Curve]:
    """The curves of golden.json."""
    kept = json.loads(FILE.read_text())
    assert Task.model_validate(kept["task"]) == TASK, "make golden.json anew"
    settings = {name: TrialConfig.model_validate(c) for name, c in kept["configs"].items()}
    assert settings == CONFIGS, "make golden.json anew"
    return kept["curves"]


def main() -> None:
    """Writes golden.json with the looped lanes."""
    torch.set_num_threads(1)
    space = workspace()
    curves = {name: train(config, space, fused=False) for name, config in CONFIGS.items()}
    for kind in curves.values():
        for values in kind.values():
            values[:] = [[float(f"{value:.7g}") for value in epoch] for epoch in values]
    kept = {
        "task": TASK.model_dump(mode="json"),
        "configs": {name: config.model_dump(mode="json") for name, config in CONFIGS.items()},
        "curves": curves,
    }
    FILE.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
