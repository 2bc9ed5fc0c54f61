"""Steps to a validation loss over batch sizes: SGD, momentum and SVRG, tuned at each.

    python benchmarks/batch_size.py [--dataset digits] [--model lenet] [--target 0.3]
        [--batch-size 16 32 64 128 256 512] [--steps 300] [--trials 30] [--storage URL]

What `vrtune batch-size sgd momentum svrg ...` measures: a study a method and batch size. A storage
that holds some of them is gone on with. Writes docs/benchmarks/batch-size-DATASET-MODEL.json, which
benchmarks/pictures.py draws.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from record import asking, write

from vrtune import Task, batch_size


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--spaces", nargs="+", default=["sgd", "momentum", "svrg"])
    parser.add_argument("--dataset", default=Task().dataset)
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--limit", type=int)
    parser.add_argument("--model", default=Task().model)
    parser.add_argument("--batch-size", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512])
    parser.add_argument("--target", type=float, default=0.3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--storage", help="URL of a storage that is kept (default: none)")
    asked = parser.parse_args()
    task = Task(dataset=asked.dataset, model=asked.model, limit=asked.limit)
    with tempfile.TemporaryDirectory() as folder:
        found = batch_size(
            *asked.spaces, target=asked.target, batch_sizes=asked.batch_size, steps=asked.steps,
            task=task, trials=asked.trials, jobs=asked.jobs, data_dir=asked.data_dir, device="cpu",
            storage=asked.storage or f"sqlite:///{folder}/studies.db", progress=False,
        )  # fmt: skip
    print(found)
    stem = asked.output_dir / f"batch-size-{asked.dataset}-{asked.model}"
    write(stem, torch.device("cpu"), asked.trials, {"scaling": found.model_dump(mode="json")})


if __name__ == "__main__":
    main()
