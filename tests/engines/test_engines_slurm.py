"""Workers as jobs: on submitit's local stand-in, and on a Slurm of this machine's own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest
from engines.conftest import ended, ends, kill, pids, until

from vrtune.engines import slurm
from vrtune.engines.base import Share
from vrtune.engines.slurm import SlurmJobs
from vrtune.errors import UsageError, VrtuneError

pytest.importorskip("submitit")


@pytest.mark.parametrize(
    ("given", "minutes"),
    [("90", 90), ("90:30", 91), ("4:00:00", 240), ("2-0", 2880), ("1-2:30", 1590), ("0:0:1", 1)],
)
def test_time_is_read_as_slurm_reads_it(given: str, minutes: int) -> None:
    assert slurm._minutes(given) == minutes


@pytest.mark.parametrize("given", ["soon", "", "1:2:3:4", "-1", "0", "1-", "1::2"])
def test_what_is_no_time_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match="is no time: give minutes"):
        slurm._minutes(given)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("partition", "'partition' is no option of sbatch: give some as in"),
        ("partition=a,,", "'' is no option of sbatch"),
        ("time=soon", "time=soon is no time"),
        ("array=1-3", "array is set by vrtune"),
        ("cpus-per-task=3", "cpus-per-task is set by vrtune"),
    ],
)
def test_options_are_read_before_anything_is_begun(options: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=says):
        SlurmJobs(options, Share(), tmp_path)
    assert not [*tmp_path.iterdir()]


def test_where_there_is_no_slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(VrtuneError, match="submits no jobs to Slurm"):
        SlurmJobs("auto", Share(), tmp_path)


def test_where_there_is_no_submitit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> ModuleType:
        raise ImportError(name)

    monkeypatch.setattr(slurm, "import_module", none)
    with pytest.raises(VrtuneError, match=r"pip install 'vrtune\[slurm\]'"):
        SlurmJobs("local", Share(), tmp_path)


@pytest.mark.slow
def test_the_stand_in(units: ModuleType, signed: Path, tmp_path: Path) -> None:
    """A lost job is submitted again, all are ended as by the system, nothing is left."""
    engine = SlurmJobs("local", Share(), tmp_path / "studies")
    engine.start(partial(units.train, signed, 60), 2)
    until(lambda: len(pids(signed)) == 2)
    (folder,) = (tmp_path / "studies").iterdir()
    assert folder.stat().st_mode & 0o077 == 0  # the storage's password is in it
    kill(next(iter(pids(signed))))
    notes: list[str] = []
    until(lambda: notes.extend(engine.look().notes) or len(pids(signed)) == 3)
    assert [note.partition(" of ")[2] for note in notes] == [
        "Slurm's local stand-in was lost, and is submitted again"
    ]
    engine.stop(10)
    assert ends(signed) == ["15", "15"]
    engine.close()
    assert not [*(tmp_path / "studies").iterdir()]


@pytest.mark.slow
def test_jobs_that_fail(
    units: ModuleType, signed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they say is told; one that is lost again and again is given up."""
    engine = SlurmJobs("local", Share(), tmp_path)
    engine.start(units.refuse, 1)
    assert ended(engine).failed == ("worker 1 of Slurm's local stand-in: there is no data",)
    engine.start(units.fail, 1)
    (told,) = ended(engine).failed
    assert told.endswith("it failed (ValueError: of its own)")
    monkeypatch.setattr(slurm, "RESTARTS", 1)
    engine.start(partial(os._exit, 1), 1)
    (told,) = ended(engine).failed
    assert "it was lost 2 times, its last words are in" in told
    engine.close()
    assert "of its own" in "".join(path.read_text() for path in tmp_path.rglob("*.err"))


# ---- Slurm itself --------------------------------------------------------------------------------

CONFIGURATION = """ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=short Nodes={host} Default=YES MaxTime=60 State=UP
"""
DAEMONS = ("munged", "slurmctld", "slurmd")


@pytest.fixture(scope="module")
def own_slurm() -> Iterator[Path]:
    """A Slurm of one node with two cores, its configuration in SLURM_CONF."""
    if any(shutil.which(name) is None for name in (*DAEMONS, "sbatch")) or os.geteuid():
        pytest.skip("Slurm and MUNGE are not installed, or this is not root")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(128))
    (folder / "key").chmod(0o600)
    host, user = socket.gethostname().partition(".")[0], getpass.getuser()
    ports = {"controller": _free_port(), "node": _free_port()}
    text = CONFIGURATION.format(host=host, user=user, folder=folder, **ports)
    (folder / "slurm.conf").write_text(text)
    files = {"key": "key", "socket": "munge.socket", "pid": "munged.pid", "log": "munged.log"}
    given = [f"--{name}-file={folder / file}" for name, file in files.items() if name != "socket"]
    given += [f"--socket={folder / files['socket']}", f"--seed-file={folder / 'seed'}", "--force"]
    before = os.environ.get("SLURM_CONF")
    os.environ["SLURM_CONF"] = str(folder / "slurm.conf")
    try:
        for command in (["munged", *given], ["slurmctld"], ["slurmd"]):
            subprocess.run(command, check=True, capture_output=True)
        until(lambda: "idle" in _said("sinfo"))
        yield folder
    finally:
        subprocess.run(["scancel", f"--user={user}"], capture_output=True)
        until(lambda: not _said("squeue", "--noheader"))
        for name in reversed(DAEMONS):
            with suppress(OSError, ValueError):
                os.kill(int((folder / f"{name}.pid").read_text()), 15)
        if before is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = before
        time.sleep(1)  # they write their state at last
        shutil.rmtree(folder, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_slurm(
    own_slurm: Path,
    units: ModuleType,
    signed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Jobs with what was asked for; a lost one is submitted again; one at its time limit is queued
    again by Slurm; all are ended as by Slurm."""
    monkeypatch.setattr(slurm, "ASK_S", 1.0)
    engine = SlurmJobs("partition=short,time=0:10:00", Share(cpus=1), tmp_path)
    engine.start(partial(units.train, signed, 120), 2)
    until(lambda: len(pids(signed)) == 2)
    (job,) = set(_said("squeue", "--noheader", "--format=%P %l %C").splitlines())
    assert job == "short 10:00 1"
    kill(min(pids(signed)))
    notes: list[str] = []
    until(lambda: notes.extend(engine.look().notes) or len(pids(signed)) == 3)
    assert ["was lost, and is submitted again" in note for note in notes] == [True]
    waiting = engine.jobs[1].job_id
    subprocess.run(["scancel", "--signal=USR2", waiting], check=True)
    until(lambda: "PENDING" in _said("squeue", "--noheader", f"--jobs={waiting}", "--format=%T"))
    assert engine.look().working == 2
    engine.stop(30)
    assert "15" in ends(signed)
    engine.close()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("slurm-")]


@pytest.mark.slow
def test_what_slurm_refuses(own_slurm: Path, units: ModuleType, tmp_path: Path) -> None:
    engine = SlurmJobs("partition=none", Share(), tmp_path)
    with pytest.raises(VrtuneError, match=r"Slurm takes no job .*nvalid partition"):
        engine.start(units.refuse, 1)
    engine.close()
    assert [path.name for path in tmp_path.iterdir()] == ["units"]
