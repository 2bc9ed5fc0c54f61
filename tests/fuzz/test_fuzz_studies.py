"""What a storage holds may be another's, or damaged: it is shown, or refused in a sentence."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from fuzzing import JSON, check_sentence, damaged, fuzzed, mutated
from hypothesis import strategies as st
from typer.testing import CliRunner

from vrtune.cli.main import app
from vrtune.searching.result import SearchResult

STUDY = "sgd-digits-softmax"
KEPT = [  # tables of Optuna's databases, and their columns of JSON
    ("study_user_attributes", "value_json"),
    ("study_system_attributes", "value_json"),
    ("trial_user_attributes", "value_json"),
    ("trial_system_attributes", "value_json"),
    ("trial_params", "distribution_json"),
]
ASKED = [
    ["show", STUDY],
    ["show", STUDY, "--json"],
    ["list", "studies"],
    ["compare", STUDY],
    ["compare", "--format", "latex"],
    *(["export", STUDY, "--format", f] for f in ("json", "python", "hydra", "csv")),
]


@pytest.fixture(scope="module")
def folder(found: tuple[SearchResult, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search, in a database and in a journal."""
    folder = tmp_path_factory.mktemp("damaged")
    with sqlite3.connect(found[1].removeprefix("sqlite:///")) as whole:
        whole.execute("VACUUM INTO ?", (str(folder / "sound.db"),))
    journal = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(folder / "sound.journal"))
    )
    optuna.copy_study(
        from_study_name=STUDY, from_storage=f"sqlite:///{folder}/sound.db", to_storage=journal
    )
    return folder


def rows(path: Path) -> list[tuple[str, str, int, str]]:
    """All JSON that a database keeps: table, column, row, text."""
    database = sqlite3.connect(path)
    found = [
        (table, column, row, text)
        for table, column in KEPT
        for row, text in database.execute(f"SELECT rowid, {column} FROM {table} ORDER BY rowid")
    ]
    database.close()
    return found


def ask(args: list[str], storage: Path) -> None:
    """A command ends well, or in a sentence."""
    done = CliRunner().invoke(
        app, [*args, "--storage", str(storage)], prog_name="vrtune", catch_exceptions=False
    )
    assert done.exit_code in (0, 1, 2), done.output
    if done.exit_code:
        (line,) = done.stderr.splitlines()
        check_sentence(line)
    elif "--json" in args:
        json.loads(done.stdout)


@fuzzed(150, place=st.integers(0), drawn=st.data(), args=st.sampled_from(ASKED))
def test_other_attributes(place: int, drawn: Any, args: list[str], folder: Path) -> None:
    known = rows(folder / "sound.db")
    table, column, row, text = known[place % len(known)]
    value = drawn.draw(mutated(json.loads(text)) | JSON)
    path = folder / "made.db"
    shutil.copy(folder / "sound.db", path)
    database = sqlite3.connect(path)
    with database:
        database.execute(
            f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (json.dumps(value), row)
        )
    database.close()
    ask(args, path)


@fuzzed(
    100,
    ending=st.sampled_from(["db", "journal"]),
    drawn=st.data(),
    args=st.sampled_from(ASKED),
)
def test_damaged_files(ending: str, drawn: Any, args: list[str], folder: Path) -> None:
    data = drawn.draw(damaged((folder / f"sound.{ending}").read_bytes()))
    for old in folder.glob("bad.*"):
        old.unlink()
    path = folder / f"bad.{ending}"
    path.write_bytes(data)
    ask(args, path)
