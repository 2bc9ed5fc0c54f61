"""Lane-steps per second of a K-fold objective, three ways, side by side on one device.

    python benchmarks/throughput.py --data-dir DIR [--lanes 4 8 16] [--steps 100] [--device cuda]

(a) dataloader  as an Optuna user writes it today: torchvision's MNIST, a DataLoader a fold, one
                fold after another, torch.optim. Workers are tried at 0 and 4; the faster counts.
(b) resident    the same with the data on the device as tensors, batches by index.
(c) vrtune      all folds of all trials as lanes; on a CPU in a process a core.

A lane-step is one optimizer step of one fold. The LeNet of (a) and (b) is written with PyTorch's
own layers; other models are vrtune's. (a) and (b) use all cores, as PyTorch does by itself. SVRG
and STORM in (a) and (b) are the plain loops of their papers; snapshot passes are left out.
Prints a table and writes docs/benchmarks/throughput-MODEL-DEVICE.json; benchmarks/pictures.py draws
those that the documents show.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from record import asking, write
from sklearn.model_selection import StratifiedKFold
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from vrtune import SGD, STORM, SVRG, Task, TrialConfig
from vrtune.lanes.device import choose_device, one_thread
from vrtune.lanes.plan import plan
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace
from vrtune.models import build
from vrtune.searching.process import ONE_THREAD

FOLDS, BATCH, LR = 4, 32, 0.1
CONFIGS = {
    "sgd": TrialConfig(optimizer=SGD(lr=LR)),
    "svrg": TrialConfig(estimator=SVRG(snapshot_period=5), optimizer=SGD(lr=LR)),
    "storm": TrialConfig(estimator=STORM(), optimizer=SGD()),
}


def network(name: str) -> nn.Module:
    """LeNet-5 with tanh and average pooling, from PyTorch's own layers; or a model of vrtune."""
    if name != "lenet":
        return build(name, (1, 28, 28), 10, "none")
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


Batch = tuple[Tensor, Tensor]


def train(name: str, method: str, batches: Iterator[Batch], device: torch.device) -> int:
    """One fold's training by a method until the batches run out; returns the steps."""
    model = network(name).to(device)
    other = network(name).to(device)  # w~ of SVRG, w_{t-1} of STORM
    other.load_state_dict(model.state_dict())
    parameters, others = list(model.parameters()), list(other.parameters())
    optimizer = torch.optim.SGD(parameters, lr=LR)
    config = CONFIGS["storm"].estimator
    assert isinstance(config, STORM)
    mu = [torch.zeros_like(p) for p in parameters]
    d = [torch.zeros_like(p) for p in parameters]
    a, total, steps = 1.0, 0.0, 0
    for x, y in batches:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        if method != "sgd":
            other.zero_grad()
            F.cross_entropy(other(x), y).backward()
            with torch.no_grad():
                grads = [p.grad for p in parameters]
                back = [p.grad for p in others]
                if method == "svrg":
                    for g, b, m in zip(grads, back, mu, strict=True):
                        g.sub_(b).add_(m)
                else:
                    total += float(sum(g.square().sum() for g in grads))
                    for g, b, di, p, o in zip(grads, back, d, parameters, others, strict=True):
                        di.sub_(b).mul_(1 - a).add_(g)
                        g.copy_(di)
                        o.copy_(p)
                    eta = config.k / (config.w + total) ** (1 / 3)
                    a = min(1.0, config.c * eta * eta)
                    optimizer.param_groups[0]["lr"] = eta
        optimizer.step()
        steps += 1
    return steps


def first(batches: Iterator[Batch], steps: int) -> Iterator[Batch]:
    for _, batch in zip(range(steps), batches, strict=False):
        yield batch


def by_dataloader(
    model: str, method: str, data_dir: Path, steps: int, workers: int, device: torch.device
) -> float:
    """(a): steps per second of one fold after another, which is the rate at any lane count."""
    transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))]
    )
    data = datasets.MNIST(data_dir, train=True, transform=transform)
    splitter = StratifiedKFold(FOLDS, shuffle=True, random_state=1)
    split, _ = next(iter(splitter.split(data.targets, data.targets)))
    warnings.filterwarnings("ignore", "This DataLoader will create")  # more workers than cores
    loader = DataLoader(Subset(data, split.tolist()), BATCH, shuffle=True, num_workers=workers)
    batches = ((x.to(device), y.to(device)) for x, y in loader)
    next(batches)  # workers are up
    return timed(lambda: train(model, method, first(batches, steps), device), device)


def by_index(model: str, method: str, data_dir: Path, steps: int, device: torch.device) -> float:
    """(b)."""
    data = datasets.MNIST(data_dir, train=True)
    x = (data.data[:, None].float().div(255).sub(0.1307).div(0.3081)).to(device)
    y = data.targets.to(device)
    order = torch.randperm(45000, device=device).split(BATCH)
    batches = ((x[i], y[i]) for i in order)
    train(model, method, first(batches, 5), device)
    return timed(lambda: train(model, method, first(batches, steps), device), device)


def timed(run, device: torch.device) -> float:  # type: ignore[no-untyped-def]
    wait(device)
    start = time.perf_counter()
    steps = run()
    wait(device)
    return steps / (time.perf_counter() - start)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def by_vrtune(
    model: str,
    method: str,
    data_dir: Path,
    steps: int,
    lanes: int,
    device: torch.device,
    threads: int = 1,
) -> tuple[float, str]:
    """(c) in this process: lane-steps per second, and how gradients were computed."""
    if device.type == "cpu":  # the same work at every number of lanes
        steps = max(4, steps * FOLDS // lanes)
    limit = steps * BATCH * FOLDS // (FOLDS - 1)
    task = Task(dataset="mnist", model=model, folds=FOLDS, epochs=1, limit=limit)
    workspace = Workspace(task, data_dir, device, threads=threads)
    fused = plan(workspace, CONFIGS[method], "auto", lanes).fused
    pool = Pool(workspace, workspace.folds, fused=fused)
    pool.exchange([], dict.fromkeys(range(max(1, lanes // FOLDS)), CONFIGS[method]))
    group = next(iter(pool.groups.values()))
    for lane in group.seats:
        lane.epoch = 1  # past the snapshot, which (a) and (b) do not take either

    def run() -> int:
        pool.train_epoch(lambda: None)
        return len(group.seats) * len(group.batches.bounds())

    run()
    return timed(run, device), "fused" if fused else "looped"


def in_processes(method: str, arguments: argparse.Namespace, lanes: int) -> tuple[float, str]:
    """(c) on a CPU: as a search runs, a process of one thread a core, all at once."""
    count = min(arguments.jobs, max(1, lanes // FOLDS))
    command = [sys.executable, __file__, "--one", method, "--model", arguments.model,
               "--lanes", str(lanes // count), "--steps", str(arguments.steps),
               "--threads", str(max(1, arguments.jobs // count)),
               "--data-dir", str(arguments.data_dir)]  # fmt: skip
    env = {**os.environ, **ONE_THREAD}
    processes = [
        subprocess.Popen(command, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(count)
    ]
    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [json.loads(process.communicate()[0]) for process in processes]
    return sum(rate for rate, _ in said), said[0][1]


def one(arguments: argparse.Namespace) -> None:
    """A process of (c): measures when told to, so that all run at the same time."""
    print("ready", flush=True)
    sys.stdin.readline()
    a = arguments
    cpu = torch.device("cpu")
    with one_thread(cpu):
        found = by_vrtune(a.model, a.one, a.data_dir, a.steps, a.lanes[0], cpu, a.threads)
    print(json.dumps(found))


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--model", default="lenet")
    parser.add_argument("--methods", nargs="+", default=list(CONFIGS), choices=list(CONFIGS))
    parser.add_argument("--lanes", type=int, nargs="+", default=[4, 8, 16, 32])
    parser.add_argument("--steps", type=int, default=100, help="steps a measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        one(arguments)
        return
    device = choose_device(arguments.device)
    rows = []
    model, data_dir, steps = arguments.model, arguments.data_dir, arguments.steps
    for method in arguments.methods:
        a: dict[int, list[float]] = {0: [], 4: []}
        b: list[float] = []
        c: dict[int, list[float]] = {lanes: [] for lanes in arguments.lanes}
        ways: dict[int, str] = {}
        for _ in range(arguments.repeats):  # interleaved, so that all see the same noise
            for workers, rates in a.items():
                rates.append(by_dataloader(model, method, data_dir, steps, workers, device))
            b.append(by_index(model, method, data_dir, steps, device))
            for lanes, rates in c.items():
                if device.type == "cuda":
                    found = by_vrtune(model, method, data_dir, steps, lanes, device)
                else:
                    found = in_processes(method, arguments, lanes)
                rates.append(found[0])
                ways[lanes] = found[1]
        rate_a, rate_b = max(median(rates) for rates in a.values()), median(b)
        for lanes, rates in c.items():
            rate = median(rates)
            rows.append(
                {
                    "method": method, "lanes": lanes, "way": ways[lanes], "n": len(rates),
                    "dataloader": rate_a, "resident": rate_b, "vrtune": rate,
                    "over_dataloader": rate / rate_a, "over_resident": rate / rate_b,
                }
            )  # fmt: skip
            print(
                f"{method:6} {lanes:4} lanes ({ways[lanes]}): dataloader {rate_a:8.0f}/s  resident "
                f"{rate_b:8.0f}/s  vrtune {rate:8.0f}/s  = {rate / rate_a:6.1f}x (a), "
                f"{rate / rate_b:5.1f}x (b)",
                flush=True,
            )
    stem = arguments.output_dir / f"throughput-{model}-{device.type}"
    write(stem, device, arguments.repeats, {"steps": steps, "rows": rows})


if __name__ == "__main__":
    main()
