"""What a search spends outside training, and how full its slots are.

    python benchmarks/overhead.py [--space sgd] [--trials 64] [--epochs 20] [--pruner folds]
        [--validate-at epochs] [--storage URL]

Runs a real search on digits (LeNet, 4 folds) in a fresh study, and prints where the wall time of
all cores went, from the call of search() to its return; down to `end` it makes 100 %:

training    training steps and snapshot passes
validation  judging trials, after every epoch or at the pruner's rungs
seating     fresh trials into rows
storage     storage, sampler, pruner, and waiting for them
start-up    before a process's first trial: libraries are imported, data is read, ways are measured
end         idle cores, and what comes after the last trial
outside     all but training
neither     all but training and validation
beside      processor time of the storage's thread, which shares the cores: hidden in the rows above

A process that has no trial left gives its core to another one, whose lanes then train on both.
Writes docs/benchmarks/overhead-SPACE[-EPOCHS][-rungs]-DEVICE.json.
"""

from __future__ import annotations

import tempfile
import time

from record import asking, write

from vrtune import Task, search
from vrtune.events import Event, TimeSpent
from vrtune.lanes.device import choose_device, cores
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--space", default="sgd")
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=Task().epochs)
    parser.add_argument("--sampler", default="auto")
    parser.add_argument("--pruner", default="folds")
    parser.add_argument("--validate-at", default="epochs")
    parser.add_argument("--storage", help="a fresh SQLite file if not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        storage = arguments.storage or f"sqlite:///{folder}/studies.db"
        name = f"overhead-{time.time():.0f}"
        began = time.perf_counter()
        ends: list[tuple[float, Timesheet]] = []  # of the processes, seconds since it began

        def note(event: Event) -> None:
            if isinstance(event, TimeSpent):
                sheet = Timesheet.model_validate(event.times)
                ends.append((time.perf_counter() - began, sheet))

        result = search(
            arguments.space, Task(epochs=arguments.epochs), trials=arguments.trials,
            sampler=arguments.sampler, pruner=arguments.pruner, validate_at=arguments.validate_at,
            study=name, storage=storage, retrain=0, progress=note,
        )  # fmt: skip
        wall = time.perf_counter() - began
        kept = load_study(open_storage(storage), name, storage).user_attrs["searches"][0]
    device = choose_device("auto")
    count = cores(device)
    each = max(1, count // len(ends))  # cores of a process
    times = sum((sheet for _, sheet in ends), Timesheet())
    spent = {
        "training": times.training,
        "validation": times.judging,
        "seating": times.seating,
        "storage": times.outside * times.total,
        "start-up": each * sum(end - sheet.wall for end, sheet in ends),
    }
    spent["end"] = wall * count - sum(spent.values())
    spent["outside"] = wall * count - spent["training"]
    spent["neither"] = wall * count - spent["training"] - spent["validation"]
    found = {
        "plan": f"{kept['plan']}, {kept['processes']} processes",
        "complete": result.trials.complete,
        "pruned": result.trials.pruned,
        "gradient_computations": result.gradient_computations,
        "wall_s": round(wall, 1),
        **{what: seconds / count / wall for what, seconds in spent.items()},
        "beside": times.beside / count / wall,
        "occupancy": kept["occupancy"],
    }
    for key, value in found.items():
        share = isinstance(value, float) and value < 1
        print(f"{key:22} {f'{value:.2%}' if share else value}")
    what = [arguments.space]
    what += [str(arguments.epochs)] if arguments.epochs != Task().epochs else []
    what += [arguments.validate_at] if arguments.validate_at != "epochs" else []
    path = arguments.output_dir / f"overhead-{'-'.join(what)}-{device.type}"
    write(path, device, 1, found)


if __name__ == "__main__":
    main()
