"""Super-convergence: one cycle with a large learning rate against other schedules, few epochs and
many.

    python benchmarks/super_convergence.py [--epochs 6 24] [--seeds 10]

Smith & Topin's claim, on a small ResNet with batch norm and half of digits' training set: one cycle
reaches in few epochs what a step size that falls in steps reaches in several times as many, by a
largest learning rate beyond what others bear. For each schedule and number of epochs every learning
rate of one grid is tried on a held-out part, the most promising are judged again on fresh starts,
and the best is trained anew from so many seeds and tested. Writes
docs/benchmarks/super-convergence.json; its `sentences` say what came out.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import optuna
from record import asking, write

from vrtune import Task, search
from vrtune.lanes.device import choose_device
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study
from vrtune.studies.retrained import Retrained, retrained

PARTS = Path(__file__).with_name("super_convergence_parts")
SCHEDULES = ("constant", "step", "one_cycle")


def row(schedule: str, task: Task, seeds: int, url: str) -> dict[str, Any]:
    """One line of the table: the learning rates, the best of them, and its test figures; of a study
    that is there to its end nothing is trained again."""
    name = f"{schedule}-{task.epochs}"
    again = trained_again(name, url)
    if again is None:
        search(
            PARTS / f"{schedule}.py",
            task,
            sampler="grid",
            pruner="none",
            study=name,
            storage=url,
            artifacts="off",
            jobs=1,
            retrain_seeds=seeds,
            progress=False,
        )
        again = trained_again(name, url)
    assert again is not None
    trials = load_study(open_storage(url), name, url).get_trials(deepcopy=False)
    accuracy, lr = again.test_accuracy, trials[again.trial].params["lr"]
    assert accuracy is not None
    print(
        f"{schedule:>10} {task.epochs:3} epochs: lr {lr:<6g} test accuracy "
        f"{accuracy.mean:.4f} +- {accuracy.std:.4f}, loss {again.test_loss.mean:.4f}",
        flush=True,
    )
    return {
        "schedule": schedule,
        "epochs": task.epochs,
        "best_lr": lr,
        "test_accuracy": accuracy.model_dump(),
        "test_loss": again.test_loss.model_dump(),
        "every_lr": [  # the held-out loss; null where training diverged
            {"lr": trial.params["lr"], "loss": trial.value}
            for trial in sorted(trials, key=lambda trial: trial.params["lr"])
        ],
    }


def trained_again(name: str, url: str) -> Retrained | None:
    """What a study keeps of its retraining; None if it is not there, or not at its end."""
    if name not in optuna.study.get_all_study_names(url):
        return None
    study = load_study(open_storage(url), name, url)
    found = (retrained(study, trial.number) for trial in study.get_trials(deepcopy=False))
    return next((each for each in found if each), None)


def sentences(rows: list[dict[str, Any]], few: int, many: int) -> list[str]:
    """Whether the claim holds here: differences of means, with their standard errors."""
    by = {(r["schedule"], r["epochs"]): r for r in rows}

    def difference(one: tuple[str, int], other: tuple[str, int]) -> str:
        a, b = by[one]["test_accuracy"], by[other]["test_accuracy"]
        error = ((a["std"] ** 2 + b["std"] ** 2) / len(a["values"])) ** 0.5
        gain = 100 * (a["mean"] - b["mean"])
        sure = "as accurate as"  # as far as so many seeds can tell
        if abs(gain) > 200 * error:
            sure = "more accurate than" if gain > 0 else "less accurate than"
        return (
            f"{one[0]} in {one[1]} epochs is {sure} {other[0]} in {other[1]}: "
            f"{gain:+.2f} points, standard error {100 * error:.2f}"
        )

    pairs = [
        *((("one_cycle", few), (other, few)) for other in ("constant", "step")),
        *((("one_cycle", few), (other, many)) for other in ("constant", "step")),
        *((("one_cycle", many), (other, many)) for other in ("constant", "step")),
    ]
    lrs = {s: [by[s, e]["best_lr"] for e in (few, many)] for s in SCHEDULES}
    chosen = ", ".join(f"{s} {' and '.join(map(str, v))}" for s, v in lrs.items())
    return [*(difference(*pair) for pair in pairs), f"learning rates that were chosen: {chosen}"]


def main() -> None:
    """Searches and trains everything."""
    parser = asking(__doc__)
    parser.add_argument("--model", default="resnet18-small")
    parser.add_argument("--limit", type=int, default=718)
    parser.add_argument("--epochs", type=int, nargs=2, default=[6, 24])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--storage", help="where studies are kept, to go on after an interruption")
    given = parser.parse_args()
    few, many = given.epochs
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        url = given.storage or f"sqlite:///{folder}/studies.db"
        for epochs in (few, many):
            task = Task(
                model=given.model, norm="batch", epochs=epochs, limit=given.limit, holdout=0.2
            )
            rows += [row(schedule, task, given.seeds, url) for schedule in SCHEDULES]
    said = sentences(rows, few, many)
    print("\n".join(said))
    found = {
        "task": task.model_dump(mode="json", exclude={"epochs"}),
        "momentum": 0.9,
        "rows": rows,
        "sentences": said,
    }
    write(given.output_dir / "super-convergence", choose_device("cpu"), given.seeds, found)


if __name__ == "__main__":
    main()
