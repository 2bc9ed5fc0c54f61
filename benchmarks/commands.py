"""How long the commands take that look things up, and a search to say its first word.

    python benchmarks/commands.py [--repeats 5]

Wall-clock seconds, medians, on a study of three trials in a folder that is removed afterwards.
Writes docs/benchmarks/commands-cpu.json.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from statistics import median

import torch
from record import asking, write

STUDY = "sgd-digits-softmax"
SEARCH = f"search sgd --study {STUDY} --model softmax --limit 200 --epochs 2 --trials 3 --jobs 1"
LOOKING_UP = (
    f"show {STUDY}",
    "list studies",
    "list spaces",
    f"export {STUDY}",
    "export --schema",
    "--version",
)


def vrtune(command: str) -> list[str]:
    """The words of a command, for this Python."""
    return [sys.executable, "-m", "vrtune.cli.main", *command.split()]


def first_word_s(folder: str) -> float:
    """Seconds until a search says something; it is not let to its end."""
    start = time.perf_counter()
    with subprocess.Popen(vrtune(SEARCH), cwd=folder, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        seconds = time.perf_counter() - start
        process.terminate()
        process.communicate()
    return seconds


def whole_s(command: str, folder: str) -> float:
    """Seconds that a command takes."""
    start = time.perf_counter()
    subprocess.run(vrtune(command), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = asking(__doc__)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        whole_s(SEARCH, folder)
        for _ in range(arguments.repeats):
            times.setdefault("first word of a search", []).append(first_word_s(folder))
            for command in LOOKING_UP:
                times.setdefault(command, []).append(whole_s(command, folder))
    found = {command: round(median(seconds), 3) for command, seconds in times.items()}
    for command, seconds in found.items():
        print(f"{command:26} {seconds:.2f} s")
    device = torch.device("cpu")
    write(arguments.output_dir / "commands-cpu", device, arguments.repeats, {"seconds": found})


if __name__ == "__main__":
    main()
