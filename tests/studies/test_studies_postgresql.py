"""A search on PostgreSQL, with a server of its own on the loopback interface."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.studies.record import load_study
from vrtune.studies.storage import open_storage


def programs() -> Path | None:
    """The folder of initdb and pg_ctl."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)


@pytest.fixture
def url() -> Iterator[str]:
    bin_folder = programs()
    if bin_folder is None or not (bin_folder / "initdb").exists():
        pytest.skip("PostgreSQL's initdb is not installed")
    pytest.importorskip("psycopg")
    user = pwd.getpwnam("nobody") if os.geteuid() == 0 else None  # the server refuses root
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = Path(tempfile.mkdtemp())
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [bin_folder / program, "-D", folder / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            user=user.pw_uid if user else None,
            cwd=folder,
        )

    try:
        run("initdb", "--auth=trust", "--username=vrtune", "--no-sync")
        options = f"-h 127.0.0.1 -p {port} -k {folder} -F"
        run("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://vrtune@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def test_search_in_two_processes(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = Task(model="softmax", folds=2, epochs=2, limit=120)
    for _ in range(2):
        result = search("sgd", task, trials=4, jobs=2, study="s", storage=url, retrain_seeds=1)
    assert result.retrain is not None
    trials = load_study(open_storage(url), "s", url).get_trials()
    assert len(trials) == 8
    assert {t.state for t in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
