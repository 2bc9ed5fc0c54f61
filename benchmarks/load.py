"""How many workers a database bears: each asks, reports every epoch and tells, as a search does.

    python benchmarks/load.py [--seconds 8] [--workers 1 2 4 8 16 32]

A worker is a process that does what a process of a search asks of its storage, with a sampler that
draws; instead of training it waits for `epoch_s`. Latencies are what its ledger waits for, which
lanes do not. PostgreSQL is on the loopback interface of this machine, whose cores it shares with
the workers, so a table of processor time goes further than this machine does: what an epoch costs
the server (`server_ms`), the proxy (`proxy_ms`) and the worker (`worker_ms`), the share of asking
and telling in it. Writes docs/benchmarks/load.json.
"""

from __future__ import annotations

import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.synchronize import Barrier
from typing import Any

import optuna
import psutil
import torch
from postgresql import Server, serving
from record import asking, write

from vrtune.storages.opening import open_storage
from vrtune.studies.folds import report_folds
from vrtune.studies.goals import in_turn, raise_goal
from vrtune.studies.leases import OpenTrials

EPOCHS, FOLDS = 20, 4
KINDS = ((0.0, False), (1.0, False), (1.0, True))  # seconds of an epoch, and whether by a proxy


def work(url: str, epoch_s: float, seconds: float, begin: Barrier, out: Any) -> None:
    """Runs trials for so many seconds; puts the time of each call out, and the processor's."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler()
    study = optuna.load_study(study_name="load", storage=open_storage(url), sampler=sampler)
    calls: list[tuple[str, float]] = []

    @contextmanager
    def timed(what: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        calls.append((what, time.perf_counter() - began))

    with OpenTrials(study) as trials:
        study.tell(trials.take(), 1.0)  # what a process does once is no load
        begin.wait()
        until, used = time.monotonic() + seconds, time.process_time()
        while time.monotonic() < until:
            with timed("ask"):
                with in_turn(study):
                    trial = trials.take()
                trial.suggest_float("lr", 1e-5, 10.0, log=True)
                trial.set_user_attr("config", {"lr": 0.1})
            for epoch in range(1, EPOCHS + 1):
                time.sleep(epoch_s)
                with timed("report"):
                    report_folds(trial, [1.0 / epoch] * FOLDS, epoch)
                if time.monotonic() > until:
                    break
            with timed("tell"):
                study.tell(trial, 1.0)
                trials.release(trial.number)
    out.put((calls, time.process_time() - used))


def measure(
    server: Server, workers: int, epoch_s: float, seconds: float, *, proxied: bool
) -> dict[str, Any]:
    """One row of the table."""
    name = f"load_{workers}_{epoch_s:.0f}_{proxied}".lower()
    server.ask(f"CREATE DATABASE {name}")
    url = server.url(name)
    study = optuna.create_study(study_name="load", storage=open_storage(url))
    raise_goal(study, 10**9, others=False)
    context = multiprocessing.get_context("forkserver")  # imports once
    postmaster = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    with ExitStack() as stack:
        proxy = stack.enter_context(_proxy(url)) if proxied else None
        begin, out = context.Barrier(workers + 1), context.Queue()
        given = (proxy[0] if proxy else url, epoch_s, seconds, begin, out)
        processes = [context.Process(target=work, args=given) for _ in range(workers)]
        for process in processes:
            process.start()
        begin.wait()
        psutil.cpu_percent()
        began = time.monotonic()
        before = [_used(pid) for pid in (postmaster, proxy and proxy[1])]
        time.sleep(seconds / 2)
        asked = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
        ((connections,),) = server.ask(asked)
        found = [out.get() for _ in processes]
        took, busy = time.monotonic() - began, psutil.cpu_percent()
        for process in processes:
            process.join()
        after = [_used(pid) for pid in (postmaster, proxy and proxy[1])]
    calls = [call for each, _ in found for call in each]
    epochs = sum(what == "report" for what, _ in calls)
    cost = [1000 * (b - a) / epochs for a, b in zip(before, after, strict=True)]
    row: dict[str, Any] = {
        "workers": workers, "proxied": proxied, "epoch_s": epoch_s, "epochs": epochs,
        "trials": sum(what == "tell" for what, _ in calls),
        "epochs_a_second": round(epochs / took, 1), "connections": connections,
        "machine_busy": round(busy / 100, 2), "server_ms": round(cost[0], 2),
        "proxy_ms": round(cost[1], 2) if proxied else None,
        "worker_ms": round(1000 * sum(used for _, used in found) / epochs, 2),
    }  # fmt: skip
    for kind in ("ask", "report", "tell"):
        times = sorted(1000 * s for what, s in calls if what == kind)
        row[f"{kind}_ms"] = round(statistics.median(times), 1)
        row[f"{kind}_ms_of_99_percent"] = round(times[int(0.99 * (len(times) - 1))], 1)
    return row


def _used(pid: int | None) -> float:
    """Seconds of a processor that a process and all that it started have used."""
    if pid is None:
        return 0.0
    process = psutil.Process(pid)
    total = sum(process.cpu_times()[:4])  # and those of its children that have ended
    for child in process.children():
        try:
            total += sum(child.cpu_times()[:2])
        except psutil.NoSuchProcess:  # it ended just now
            continue
    return total


@contextmanager
def _proxy(url: str) -> Iterator[tuple[str, int]]:
    """A proxy in a process of its own, as it is used: its URL and its number."""
    command = [sys.executable, "-m", "vrtune.cli.main", "proxy", "--storage", url, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        yield process.stdout.readline().split()[0], process.pid
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    rows = []
    with serving("-c max_connections=200") as server:
        ((version,),) = server.ask("SHOW server_version")
        for epoch_s, proxied in KINDS:
            for workers in asked.workers:
                row = measure(server, workers, epoch_s, asked.seconds, proxied=proxied)
                rows.append(row)
                print(*(f"{name} {value}" for name, value in row.items()), flush=True)
                found = {
                    "postgresql": version, "seconds": asked.seconds, "epochs": EPOCHS,
                    "folds": FOLDS, "rows": rows,
                }  # fmt: skip
                write(asked.output_dir / "load", torch.device("cpu"), 1, found)


if __name__ == "__main__":
    main()
