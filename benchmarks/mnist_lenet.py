"""LeNet on all of MNIST by the source's five methods, at the settings that the source chose.

    python benchmarks/mnist_lenet.py --data-dir DIR [--epochs 30] [--seeds 5] [--methods sgd storm]
        [--minutes 60] [--wheels DIR] [--output-dir docs/benchmarks]

Each training sees all 60,000 images in batches of 32 and reads the test set after every epoch, of
which nothing depends. After each method mnist-lenet-DEVICE.json is written, so that what ends the
run costs one method; one that would not end in the time left is skipped. Beside the test accuracies
stand the source's, of one seed after 100 epochs.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from gpu_parts.setting_up import set_up
from mnist_parts.source import SOURCE

COST = {"svrg": 2.2, "storm": 2.0}  # of a training, beside SGD's


def settings() -> dict[str, Any]:
    """What the source chose by cross-validation; SVRG's snapshots are five epochs apart."""
    from vrtune import SGD, STORM, SVRG, AdaGrad, Adam, TrialConfig

    return {
        "sgd": TrialConfig(optimizer=SGD(lr=0.1)),
        "adam": TrialConfig(optimizer=Adam(lr=1e-4)),
        "adagrad": TrialConfig(optimizer=AdaGrad(lr=0.1)),
        "storm": TrialConfig(estimator=STORM(k=0.1, w=0.1, c=100.0), optimizer=SGD()),
        "svrg": TrialConfig(estimator=SVRG(snapshot_period=5), optimizer=SGD(lr=0.01)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--methods", nargs="+", choices=SOURCE, default=[*SOURCE])
    parser.add_argument("--limit", type=int, help="training samples")
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--wheels", type=Path)
    parser.add_argument("--output-dir", type=Path, default=Path("docs/benchmarks"))
    arguments = parser.parse_args()
    until = time.time() + 60 * arguments.minutes
    set_up(arguments.wheels)

    from gpu_parts.working import short
    from record import write

    from vrtune import Task
    from vrtune.lanes.device import choose_device, cores
    from vrtune.lanes.workspace import Workspace
    from vrtune.retraining.training import train

    device = choose_device("auto")
    task = Task(dataset="mnist", epochs=arguments.epochs, limit=arguments.limit)
    workspace = Workspace(task, arguments.data_dir, device, threads=cores(device))
    rows: list[dict[str, Any]] = []
    unit = 0.0  # seconds of a training that costs what SGD's costs
    for name in sorted(arguments.methods, key=lambda method: COST.get(method, 1.0)):
        if time.time() + unit * COST.get(name, 1.0) > until:
            print(f"{name}: skipped, the time would not do", flush=True)
            continue
        began = time.perf_counter()
        done, _ = train({0: settings()[name]}, workspace, arguments.seeds, test_curve=True)
        seconds = time.perf_counter() - began
        unit = max(unit, seconds / COST.get(name, 1.0))
        found, (_, accuracy_there) = done[0], SOURCE[name]
        assert found.test_accuracy, "labels have one"
        rows.append(
            {
                "method": name,
                "setting": settings()[name].model_dump(mode="json"),
                "source": accuracy_there,
                **found.model_dump(mode="json"),
            }
        )
        stem = arguments.output_dir / f"mnist-lenet-{short(device)}"
        found_so_far = {"epochs": task.epochs, "limit": task.limit, "rows": rows}
        write(stem, device, arguments.seeds, found_so_far)
        accuracy = found.test_accuracy.mean
        print(f"{name}: {accuracy:.4f}, the source's {accuracy_there}, {seconds:.0f} s", flush=True)


if __name__ == "__main__":
    main()
