"""Whether recorded trials come out again: every method's trials, trained once more.

    python benchmarks/replays.py [--trials 5] [--epochs 3] [--model mlp] [--spaces sgd saga ...]

Searches each space on 300 digits (2 folds; several trials train side by side at first, and the
pruner is on), then replays each trial alone, whatever its end, and counts how many came out with
the same value in every bit, how many differ by rounding alone, and how many by more.
Writes docs/benchmarks/replays-MODEL-DEVICE.json.
"""

from __future__ import annotations

import tempfile
from collections import Counter

from record import asking, write

from vrtune import Task, replay, search, spaces
from vrtune.lanes.device import choose_device
from vrtune.replaying.result import Replay
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import load_study


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--spaces", nargs="+", default=spaces.names())
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--model", default="mlp")
    arguments = parser.parse_args()
    task = Task(model=arguments.model, folds=2, epochs=arguments.epochs, limit=300)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/studies.db"
        for space in arguments.spaces:
            search(
                space, task, trials=arguments.trials, jobs=1, study=space, storage=url,
                retrain=0, progress=False,
            )  # fmt: skip
            found = replayed(space, url)
            came = Counter(map(outcome, found))
            ends = dict(Counter(each.state for each in found))
            rows.append({"space": space, "ends": ends, **came})
            print(space, ends, dict(came), flush=True)
    total = sum((Counter({n: row.get(n, 0) for n in WORDS}) for row in rows), Counter[str]())
    print("all", dict(total))
    device = choose_device("auto")
    stem = arguments.output_dir / f"replays-{task.model}-{device.type}"
    write(stem, device, 1, {"task": task.model_dump(), "all": dict(total), "rows": rows})


WORDS = ("same", "rounding", "more")


def outcome(found: Replay) -> str:
    """One of WORDS."""
    return "same" if found.same else "rounding" if found.rounding else "more"


def replayed(study: str, url: str) -> list[Replay]:
    """All trials of a study that have values of folds."""
    trials = load_study(open_to_read(url), study, url).get_trials(deepcopy=False)
    ended = [t.number for t in trials if t.state.is_finished() and t.intermediate_values]
    return [replay(study, number, storage=url, progress=False) for number in ended]


if __name__ == "__main__":
    main()
