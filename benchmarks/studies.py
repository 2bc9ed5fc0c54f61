"""Records benchmarks/studies.db: every method of the README on digits at the defaults of a search.

Each study is searched, trained again with ten seeds, whose test loss is recorded after every epoch,
and diagnosed, by the commands that users type. What only the machine knows (names of folders, hosts
and boots) is taken out; weights are not kept. Takes about a quarter of an hour on two cores.

    python benchmarks/studies.py
    vrtune report --storage sqlite:///benchmarks/studies.db
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from vrtune.spaces import names
from vrtune.studies.alive import identity

METHODS = (
    "sgd",
    "adam",
    "adagrad",
    "svrg",
    "svrg_late",
    "alpha_svrg",
    "optimal_svrg",
    "scsg",
    "storm",
    "mars",
    "mars_approximate",
)
ATTRIBUTES = ("study_user", "study_system", "trial_user", "trial_system")  # tables of Optuna


def main() -> None:
    """Makes the record, or one of fewer methods for a quick look."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("benchmarks/studies.db"))
    parser.add_argument("--methods", nargs="+", default=METHODS, choices=sorted(names()))
    parser.add_argument("--seeds", type=int, default=10, help="trainings of each chosen setting")
    parser.add_argument("search", nargs="*", help="options of the searches, behind --")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        record(Path(folder), given.methods, given.seeds, given.search)
        made = Path(folder) / "studies.db"
        clean(made, folder)
        shutil.copyfile(made, given.output)
    print(f"{given.output}: {given.output.stat().st_size / 1e6:.1f} MB")


def record(folder: Path, methods: Sequence[str], seeds: int, options: Sequence[str]) -> None:
    """Runs the commands in a folder."""
    run(folder, "search", *methods, "--artifacts", "off", *options)
    listed = run(folder, "list", "studies", "--json", said=True)
    for study in json.loads(listed)["studies"]:
        run(folder, "retrain", study["study"], "--seeds", str(seeds), "--test-curve")
        run(folder, "diagnose", study["study"])


def run(folder: Path, *words: str, said: bool = False) -> str:
    """A command of vrtune; returns what it said, if that is not to be shown."""
    command = [sys.executable, "-m", "vrtune.cli.main", *words]
    done = subprocess.run(command, cwd=folder, check=True, text=True, capture_output=said)
    return done.stdout or ""


def clean(database: Path, folder: str, others: Mapping[str, str] | None = None) -> None:
    """Takes out of a storage what only this machine knows, `others` too, and its weights; one file
    is left."""
    places = {**(others or {}), str(Path(folder).resolve()): ".", folder: "."}
    places |= {str(path.parent.resolve()): "search_spaces" for path in names().values()}
    places |= {identity()["boot"]: "boot"}
    with closing(sqlite3.connect(database)) as db:
        for table in ATTRIBUTES:
            rows = db.execute(f"SELECT rowid, key, value_json FROM {table}_attributes").fetchall()
            for row, key, text in rows:
                known = anonymous(json.loads(text), places)
                name = " ".join([*key.split(" ")[:2], "host 0"]) if "search 2" in key else key
                db.execute(
                    f"UPDATE {table}_attributes SET key = ?, value_json = ? WHERE rowid = ?",
                    (name, json.dumps(known), row),
                )
        db.commit()
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("VACUUM")


def anonymous(value: Any, places: dict[str, str]) -> Any:
    """An attribute without the names of this machine; what belonged together still does."""
    if isinstance(value, list):
        return [anonymous(inner, places) for inner in value]
    if isinstance(value, dict):
        known = {key: anonymous(inner, places) for key, inner in value.items()}
        known |= {"host": "host"} if "host" in known else {}
        known |= {"folder": None} if "test_accuracy" in known else {}
        return known
    if isinstance(value, str):
        for place, instead in places.items():
            value = value.replace(place, instead)
    return value


if __name__ == "__main__":
    main()
