"""Memory of a deep net's lanes: the peak of an epoch of three steps and its snapshot's pass.

    python benchmarks/memory.py [--model resnet101] [--lanes 4] [--batch 32] [--threads 1]

SVRG with momentum on made images of CIFAR's size. Prints what check_fit
expects and what the process took at its peak. Writes docs/benchmarks/memory-MODEL-DEVICE.json.
"""

from __future__ import annotations

import resource
import time
from pathlib import Path

import torch
from record import asking, write

from vrtune import SGD, SVRG, Task, TrialConfig
from vrtune.data import Dataset, Part
from vrtune.lanes.device import choose_device, one_thread
from vrtune.lanes.memory import GB, needed
from vrtune.lanes.pool import Pool
from vrtune.lanes.workspace import Workspace


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--model", default="resnet101")
    parser.add_argument("--norm", default="batch")
    parser.add_argument("--lanes", type=int, default=4, help="folds of one trial")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--threads", type=int, default=1, help="that share looped lanes")
    parser.add_argument("--fused", action="store_true")
    parser.add_argument("--device", default="auto")
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    lanes, batch = arguments.lanes, arguments.batch
    n = 2 * batch * lanes // (lanes - 1) + lanes  # two whole batches of every fold and a short one
    x, y = torch.randint(0, 256, (n, 3, 32, 32), dtype=torch.uint8), torch.arange(n) % 10
    dataset = Dataset("made", 10, Part(x, y), lambda: Part(x, y))
    task = Task(
        dataset="made", model=arguments.model, norm=arguments.norm, folds=lanes, epochs=1,
        batch_size=batch,
    )  # fmt: skip
    workspace = Workspace(task, Path(), device, dataset, threads=arguments.threads)
    config = TrialConfig(estimator=SVRG(snapshot_period=1), optimizer=SGD(lr=0.01, momentum=0.9))
    began = time.perf_counter()
    with one_thread(device):
        pool = Pool(workspace, workspace.folds, fused=arguments.fused)
        pool.exchange([], {0: config})
        loss = pool.validate(pool.train_epoch(lambda: None))[0].losses
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated(device)
    else:
        peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    expected = needed(
        workspace, config, lanes, batch, threads=arguments.threads, fused=arguments.fused
    )
    found = {
        "model": arguments.model, "norm": arguments.norm, "lanes": lanes, "batch": batch,
        "threads": arguments.threads, "fused": arguments.fused,
        "expected_gb": round(expected / GB, 2),
        "peak_gb": round(peak / GB, 2), "seconds": round(time.perf_counter() - began, 1),
        "losses": loss,
    }  # fmt: skip
    print(found)
    write(arguments.output_dir / f"memory-{arguments.model}-{device.type}", device, 1, found)


if __name__ == "__main__":
    main()
