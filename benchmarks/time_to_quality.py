"""Gradient computations until a search is as good as the whole grid of the source.

    python benchmarks/time_to_quality.py [--spaces sgd storm] [--seeds 1 2 3] [--epochs 10]

For each space and seed on digits (LeNet, 4 folds): the grid without pruning, then TPE with the
default pruner. What the search has spent, pruned trials included, when its first trial has a CV
loss at or below the grid's best. Writes docs/benchmarks/time-to-quality.json.
"""

from __future__ import annotations

import tempfile
from typing import Any

from optuna.trial import TrialState
from record import asking, write

from vrtune import Task, search
from vrtune.lanes.device import choose_device
from vrtune.studies.record import load_study
from vrtune.studies.storage import open_storage


def spent_until(url: str, study: str, goal: float) -> float | None:
    """Gradient computations of all trials that had ended when the first reached the goal."""
    trials = load_study(open_storage(url), study, url).get_trials(deepcopy=False)
    ended = [t for t in trials if t.datetime_complete and "gradient_computations" in t.user_attrs]
    spent = 0.0
    for trial in sorted(ended, key=lambda t: t.datetime_complete):
        spent += trial.user_attrs["gradient_computations"]
        reached = trial.value is not None and trial.value <= goal
        if trial.state is TrialState.COMPLETE and reached:
            return spent
    return None


def compare(space: str, task: Task, trials: int, url: str) -> dict[str, Any]:
    """One row of the table."""
    grid = search(space, task, sampler="grid", pruner="none", study="grid", storage=url, retrain=0)
    tpe = search(space, task, trials=trials, study="tpe", storage=url, retrain=0)
    assert grid.best is not None
    assert tpe.best is not None
    return {
        "space": space,
        "seed": task.seed,
        "grid_points": grid.trials.complete,
        "grid_spent": grid.gradient_computations,
        "grid_best": grid.best.value,
        "tpe_trials": trials,
        "tpe_spent": tpe.gradient_computations,
        "tpe_best": tpe.best.value,
        "spent_until_as_good": spent_until(url, "tpe", grid.best.value),
    }


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--spaces", nargs="+", default=["sgd", "storm"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=60)
    arguments = parser.parse_args()
    rows = []
    for space in arguments.spaces:
        for seed in arguments.seeds:
            with tempfile.TemporaryDirectory() as folder:
                task = Task(epochs=arguments.epochs, seed=seed)
                row = compare(space, task, arguments.trials, f"sqlite:///{folder}/studies.db")
            rows.append(row)
            until = row["spent_until_as_good"]
            print(
                f"{space:8} seed {seed}: grid {row['grid_best']:.4f} for {row['grid_spent']:.0f}; "
                f"as good after {f'{until:.0f}' if until else 'never'}, "
                f"{row['tpe_best']:.4f} after {row['tpe_spent']:.0f} gradient computations",
                flush=True,
            )
    stem = arguments.output_dir / "time-to-quality"
    write(stem, choose_device("auto"), len(arguments.seeds), {"rows": rows})


if __name__ == "__main__":
    main()
