"""Wall time until a search holds a setting as good as the source's whole grid, three ways.

    python benchmarks/time_to_winner.py --data-dir DIR [--seeds 1 2 3] [--trials 15]

(a) dataloader  the script an Optuna user writes today: TPE and MedianPruner, a DataLoader a fold,
                one fold after another, new weights and orders in each trial
(b) resident    the same with the data as tensors
(c) vrtune      `vrtune search` with its defaults, starting its processes included

SGD with LeNet on 3,000 samples of MNIST, 4 folds. A winner is the best trial so far by what the
search saw. It counts as a hit by its mean loss over fresh starts (other weights and orders, the
same for all): at most 2 % above that of the grid's best. How far below that mean the search's own
value lies is its optimism. All run in turns. Writes docs/benchmarks/time-to-winner-sgd.json.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

import optuna
import torch
import torch.nn.functional as F
from optuna.trial import FixedTrial, Trial
from record import asking, write
from throughput import network
from torch.utils.data import DataLoader, TensorDataset

from vrtune import Task, search, spaces
from vrtune.events import Event, Finished
from vrtune.lanes.device import choose_device, cores, keep_memory, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace

REPEATS = 8  # fresh starts of every fold
NEAR = 1.02  # times the grid's best
CPU = torch.device("cpu")
Params = dict[str, Any]


@dataclass
class Run:
    """A search's winners as time went by: when, what it saw, and the settings."""

    winners: list[tuple[float, float, Params]] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, seconds: float, value: float | None, params: Params) -> None:
        """A complete trial."""
        best = self.winners[-1][1] if self.winners else math.inf
        if value is not None and value < best:
            self.winners.append((seconds, value, params))


class Judge:
    """The mean loss of a setting over fresh starts; each is trained once."""

    def __init__(self, space: str, workspace: Workspace) -> None:
        self.space, self.workspace = spaces.load(space), workspace
        self.known: dict[tuple[Any, ...], float] = {}

    def __call__(self, params: Params) -> float:
        key = tuple(sorted(params.items()))
        if key not in self.known:
            self.known[key] = self._train(params)
        return self.known[key]

    def _train(self, params: Params) -> float:
        config = self.space.suggest(FixedTrial(params))  # type: ignore[arg-type]
        streams = [s for r in range(1, REPEATS + 1) for s in self.workspace.again(100 + r)]
        with one_thread(CPU):
            pool = Pool(
                self.workspace, streams, fused=plan(self.workspace, config, "auto", 8).fused
            )
            pool.exchange([], {0: config})
            for _ in range(self.workspace.task.epochs):
                losses = pool.train_epoch(lambda: None)
            return fmean(pool.validate(losses)[0].losses)


def script(workspace: Workspace, seed: int, trials: int, *, loader: bool) -> Run:
    """An objective of its own, as it is often written."""
    x, y = workspace.dataset.train.x.float() / 255, workspace.dataset.train.y
    epochs, size = workspace.task.epochs, workspace.task.batch_size
    run, began = Run(), time.perf_counter()
    torch.manual_seed(seed)

    def objective(trial: Trial) -> float:
        lr = trial.suggest_float("lr", 1e-5, 10.0, log=True)
        losses: list[float] = []
        for fold, split in enumerate(workspace.splits):
            mean, std = x[split.train].mean(), x[split.train].std()
            xs, ys = (x[split.train] - mean) / std, y[split.train]
            model = network("lenet")
            optimizer = torch.optim.SGD(model.parameters(), lr=lr)
            batches = DataLoader(TensorDataset(xs, ys), size, shuffle=True)
            for _ in range(epochs):
                order = torch.randperm(len(ys)).split(size)
                for xb, yb in batches if loader else ((xs[i], ys[i]) for i in order):
                    optimizer.zero_grad()
                    F.cross_entropy(model(xb), yb).backward()
                    optimizer.step()
            with torch.no_grad():
                out = model((x[split.validation] - mean) / std)
                losses.append(F.cross_entropy(out, y[split.validation]).item())
            if not math.isfinite(losses[-1]):
                raise optuna.TrialPruned
            trial.report(fmean(losses), fold)
            if trial.should_prune():
                raise optuna.TrialPruned
        run.note(time.perf_counter() - began, fmean(losses), trial.params)
        return fmean(losses)

    sampler = optuna.samplers.TPESampler(seed=seed)
    study = optuna.create_study(sampler=sampler, pruner=optuna.pruners.MedianPruner())
    study.optimize(objective, n_trials=trials)
    run.seconds = time.perf_counter() - began
    return run


def ours(space: str, task: Task, data_dir: Path, folder: str) -> tuple[Run, float, Params]:
    """A search with the defaults; also the value and the settings that it chose in the end."""
    run, began = Run(), time.perf_counter()

    def note(event: Event) -> None:
        if isinstance(event, Finished) and event.state == "complete":
            run.note(time.perf_counter() - began, event.value, event.params)

    url = f"sqlite:///{folder}/studies.db"
    found = search(space, task, progress=note, data_dir=data_dir, storage=url, retrain_seeds=1)
    run.seconds = time.perf_counter() - began
    assert found.best is not None
    assert found.best.confirmed is not None
    assert found.best.confirmed.mean is not None
    return run, found.best.confirmed.mean, found.best.params


def row(way: str, seed: int, run: Run, judge: Judge, goal: float) -> dict[str, Any]:
    """When the winner was a hit for the first time, and how the last one's value compares."""
    hits = [seconds for seconds, _, params in run.winners if judge(params) <= NEAR * goal]
    _, seen, params = run.winners[-1]
    return {
        "way": way,
        "seed": seed,
        "hit_s": min(hits, default=None),
        "seconds": run.seconds,
        "seen": seen,
        "fresh": judge(params),
        "params": params,
        "chosen_hit": judge(params) <= NEAR * goal,
    }


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--trials", type=int, default=15, help="of (a) and (b)")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--limit", type=int, default=3000)
    arguments = parser.parse_args()
    rows = compare(arguments)
    for way in ("dataloader", "resident", "vrtune"):
        mine = [r for r in rows if r["way"] == way]
        hits = [r["hit_s"] if r["hit_s"] is not None else math.inf for r in mine]
        gap = median(r["fresh"] / r["seen"] - 1 for r in mine)
        print(f"{way:11} hit after {median(hits):.1f} s; its value is {gap:.0%} too good (medians)")
    chosen = median(r["fresh"] / r["confirmed"] - 1 for r in rows if "confirmed" in r)
    print(f"vrtune's choice after confirmation: {chosen:.0%}")
    write(arguments.output_dir / "time-to-winner-sgd", CPU, len(arguments.seeds), {"rows": rows})


def compare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """The three ways for each seed."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    keep_memory()
    rows = []
    for seed in arguments.seeds:
        task = Task(dataset="mnist", limit=arguments.limit, epochs=arguments.epochs, seed=seed)
        workspace = Workspace(task, arguments.data_dir, choose_device("cpu"), threads=cores(CPU))
        judge = Judge("sgd", workspace)
        goal = min(filter(math.isfinite, map(judge, spaces.load("sgd").grid())))
        with tempfile.TemporaryDirectory() as folder:
            run, confirmed, params = ours("sgd", task, arguments.data_dir, folder)
        rows.append(row("vrtune", seed, run, judge, goal))
        rows[-1] |= {"confirmed": confirmed, "fresh": judge(params), "params": params}
        for way in ("resident", "dataloader"):
            run = script(workspace, seed, arguments.trials, loader=way == "dataloader")
            rows.append(row(way, seed, run, judge, goal))
        for each in rows[-3:]:
            hit = "never" if each["hit_s"] is None else f"{each['hit_s']:.1f} s"
            print(
                f"seed {seed} {each['way']:11} hit {hit}, all {each['seconds']:.0f} s; saw "
                f"{each['seen']:.4f}, fresh {each['fresh']:.4f} (grid {goal:.4f})",
                flush=True,
            )
    return rows


if __name__ == "__main__":
    main()
