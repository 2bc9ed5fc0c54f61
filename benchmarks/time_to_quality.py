"""Gradient computations until a search is as good as the whole grid of the source, and after 6
trials.

    python benchmarks/time_to_quality.py [--spaces sgd storm] [--seeds 1 2 3] [--epochs 10]

For each space and seed on digits (LeNet, 4 folds): the grid without pruning, then a search with the
defaults. What the search has spent, pruned trials included, when its first trial has a CV loss at
or below the grid's best; the best loss of its first 6 trials, and of all. Writes
docs/benchmarks/time-to-quality.json.
"""

from __future__ import annotations

import tempfile
from statistics import median
from typing import Any

from optuna.trial import FrozenTrial, TrialState
from record import asking, write

from vrtune import Task, search
from vrtune.lanes.device import choose_device
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study

FEW = 6  # trials after which a search should be good
NEAR = 1.1  # times the best loss that it finds in all


def spent_until(trials: list[FrozenTrial], goal: float) -> float | None:
    """Gradient computations of all trials that had ended when the first reached the goal."""
    ended = [t for t in trials if t.datetime_complete and "gradient_computations" in t.user_attrs]
    spent = 0.0
    for trial in sorted(ended, key=lambda t: (t.datetime_complete is None, t.datetime_complete)):
        spent += trial.user_attrs["gradient_computations"]
        reached = trial.value is not None and trial.value <= goal
        if trial.state is TrialState.COMPLETE and reached:
            return spent
    return None


def best_of(trials: list[FrozenTrial]) -> float | None:
    """The best value among complete trials."""
    values = [t.value for t in trials if t.state is TrialState.COMPLETE and t.value is not None]
    return min(values, default=None)


def compare(space: str, task: Task, trials: int, url: str) -> dict[str, Any]:
    """One row of the table."""
    grid = search(space, task, sampler="grid", pruner="none", study="grid", storage=url, retrain=0)
    found = search(space, task, trials=trials, study="found", storage=url, retrain=0)
    assert grid.best is not None
    ran = load_study(open_storage(url), "found", url).get_trials(deepcopy=False)
    until = spent_until(ran, grid.best.value)
    return {
        "space": space,
        "seed": task.seed,
        "grid_points": grid.trials.complete,
        "grid_spent": grid.gradient_computations,
        "grid_best": grid.best.value,
        "trials": trials,
        "spent": found.gradient_computations,
        "best": best_of(ran),
        "best_of_few": best_of(ran[:FEW]),
        "spent_until_as_good": until,
        "share_of_grid": until and until / grid.gradient_computations,
    }


def line(row: dict[str, Any]) -> str:
    """A row for people."""
    share = row["share_of_grid"]
    return (
        f"{row['space']:8} seed {row['seed']}: grid {row['grid_best']:.4f} for "
        f"{row['grid_spent']:.0f}; as good after {f'{share:.2f} of it' if share else 'never'}; "
        f"{FEW} trials {row['best_of_few']:.4f}, all {row['best']:.4f} for {row['spent']:.0f}"
    )


def total(space: str, rows: list[dict[str, Any]]) -> str:
    """What the seeds of a space say together."""
    shares = [row["share_of_grid"] for row in rows if row["share_of_grid"]]
    near = sum(row["best_of_few"] <= NEAR * row["best"] for row in rows)
    middle = f", for {median(shares):.2f} of its cost (median)" if shares else ""
    return (
        f"{space:8} as good as the grid {len(shares)} of {len(rows)}{middle}; "
        f"within 10 % of its best after {FEW} trials {near} of {len(rows)}"
    )


def main() -> None:
    parser = asking(__doc__)
    spaces = ["sgd", "adam", "adagrad", "svrg", "storm"]
    parser.add_argument("--spaces", nargs="+", default=spaces)
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
            print(line(row), flush=True)
    for space in arguments.spaces:
        print(total(space, [row for row in rows if row["space"] == space]))
    stem = arguments.output_dir / "time-to-quality"
    write(stem, choose_device("auto"), len(arguments.seeds), {"rows": rows})


if __name__ == "__main__":
    main()
