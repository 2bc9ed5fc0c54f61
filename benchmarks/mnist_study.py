"""The source's study of LeNet on MNIST, done right: five methods, its grids, its four folds.

    python benchmarks/mnist_study.py --data-dir DIR [--folder mnist-study] [--epochs 6]
        [--confirm 1] [--retrain-epochs 30] [--seeds 3] [--methods sgd storm] [--limit 60000]

1. Every point of the source's grid by 4-fold cross-validation on all 60,000 images, batches of 32,
   pruned; shorter than the source's 100 epochs, which is chosen once, for all methods. The most
   promising settings are judged again on other weights and orders of batches.
2. The choice is trained on all images with several seeds, and tested at the end; the test loss
   after every epoch is kept for the figure.
3. docs/benchmarks/mnist-study.json: curves, choices beside the source's, test accuracies, and what
   `vrtune compare` says.

It works by the commands that users type, which go on where they were cut off: so does this. The
record is written after every method; FOLDER/mnist.db is what the commands leave, without the names
of the machine, and kept as benchmarks/mnist.db.
"""

from __future__ import annotations

import argparse
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from queue import Queue

import optuna
import psutil
from mnist_parts.found import found
from mnist_parts.source import SOURCE
from record import asking, write
from studies import clean

from vrtune.lanes.device import choose_device, cores
from vrtune.storages.opening import open_storage
from vrtune.studies.choice import confirmation, ranked
from vrtune.studies.record import load_study
from vrtune.studies.retrained import retrained

ROOT = Path(__file__).resolve().parents[1]
SPACES = {"svrg": str(ROOT / "benchmarks" / "mnist_parts" / "svrg_every_5.py")}


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("mnist-study"), help="of the storage")
    parser.add_argument("--methods", nargs="+", choices=SOURCE, default=[*SOURCE])
    parser.add_argument("--epochs", type=int, default=6, help="of the cross-validation")
    parser.add_argument("--confirm", type=int, default=1)
    parser.add_argument("--retrain-epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--limit", type=int, help="training samples (default: all)")
    parser.add_argument("--open", default="3", help="trials under way in a process")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    storage = f"sqlite:///{(arguments.folder / 'studies.db').resolve()}"
    device, began = choose_device("auto"), time.time()
    done: list[str] = []

    def keep() -> None:
        told = {
            "retrain_epochs": arguments.retrain_epochs,
            "run_seconds": round(time.time() - began, 1),  # of this run, if it went on
        }
        stem = arguments.output_dir / "mnist-study"
        known = found(storage, done)
        write(stem, device, arguments.seeds, {"epochs": known["task"]["epochs"], **told, **known})

    for method in arguments.methods:
        study = Study(method, storage, arguments)
        if not study.searched:
            study.search("--open", arguments.open)
        done.append(method)
        keep()
    cores_free: Queue[int | None] = Queue()  # each method is judged and trained again on one
    for core in range(cores(device)):
        cores_free.put(core if device.type == "cpu" else None)
    dear_first = sorted(done, key=("svrg", "storm").__contains__, reverse=True)

    def again(method: str) -> None:
        core = cores_free.get()
        try:
            Study(method, storage, arguments, core).conclude()
        finally:
            cores_free.put(core)

    with ThreadPoolExecutor(cores_free.qsize()) as pool:
        for _ in pool.map(again, dear_first):
            keep()
    copy = arguments.folder / "mnist.db"
    made = sqlite3.connect(arguments.folder / "studies.db")
    with closing(made), closing(sqlite3.connect(copy)) as kept:
        made.backup(kept)  # with what is in its log
    places = {str(arguments.data_dir.resolve()): "data", f"{ROOT}/": ""}
    clean(copy, str(arguments.folder), places)


class Study:
    """A method's study, and the commands that further it; on one core, if that is given."""

    def __init__(
        self, name: str, storage: str, asked: argparse.Namespace, core: int | None = None
    ) -> None:
        self.name, self.storage, self.asked, self.core = name, storage, asked, core

    @property
    def opened(self) -> optuna.Study:
        return load_study(open_storage(self.storage, create=False), self.name, self.storage)

    @property
    def searched(self) -> bool:
        """Whether the grid has been run."""
        known = optuna.get_all_study_names(open_storage(self.storage))
        if self.name not in known:
            return False
        trials = self.opened.get_trials(deepcopy=False)
        return bool(trials) and all(trial.state.is_finished() for trial in trials)

    def search(self, *options: str, confirm: int = 0) -> None:
        """Runs what is left of the grid, and judges the best again."""
        asked = self.asked
        self.run(
            *("search", SPACES.get(self.name, self.name), "--study", self.name),
            *("--dataset", "mnist", "--data-dir", str(asked.data_dir.resolve()), "--folds", "4"),
            *("--batch-size", "32", "--epochs", str(asked.epochs), "--sampler", "grid"),
            *(("--limit", str(asked.limit)) if asked.limit else ()),
            *("--confirm", str(confirm), "--retrain", "0", "--artifacts", "off", *options),
        )

    def conclude(self) -> None:
        """Judges the best again, and trains the choice on all images, unless that was done."""
        opened, asked = self.opened, self.asked
        judged = confirmation(opened, ranked(opened)[0].number)
        if asked.confirm > (len(judged.judged) if judged else 0):
            self.search("--jobs", "1", confirm=asked.confirm)
        before = retrained(opened, ranked(self.opened)[0].number)
        wanted = (asked.retrain_epochs, asked.seeds)
        if not before or (before.asked_epochs, before.seeds) != wanted:
            epochs, seeds = map(str, wanted)
            self.run(*("retrain", self.name, "--epochs", epochs, "--seeds", seeds, "--test-curve"))

    def run(self, *words: str) -> None:
        """A command of vrtune."""
        words = (*words, "--storage", self.storage)
        print(">", "vrtune", *words, flush=True)
        command = [sys.executable, "-m", "vrtune.cli.main", *words]
        with subprocess.Popen(command) as process:
            if self.core is not None and hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
                psutil.Process(process.pid).cpu_affinity([self.core])
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)


if __name__ == "__main__":
    main()
