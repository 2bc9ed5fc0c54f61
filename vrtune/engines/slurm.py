"""Workers as jobs of Slurm, submitted by submitit; lost ones are submitted again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from vrtune.engines.base import Engine, Entrypoint, Share, Standing
from vrtune.errors import UsageError, VrtuneError, brief, told

RESTARTS = 5  # of a worker that was lost; at its time limit Slurm restarts it itself
MINUTES = 60  # a job's time, if none is given
ASK_S = 15.0  # between two questions to Slurm
LOOK_S = 0.5  # between two looks at jobs that are to end
OURS = ("array", "cpus-per-task", "error", "gpus-per-node", "output", "signal")  # not to be given


class SlurmJobs(Engine):
    """Jobs of one core or more each. `local` runs them on this machine, to see that they would."""

    def __init__(self, options: str, share: Share, folder: Path) -> None:
        """`options` are sbatch's, as name=value,name=value; `folder` is shared by all machines, and
        gets one of its own for as long as the jobs need it."""
        self.here = options == "local"
        self.given = {} if options in ("auto", "local") else _read(options)
        self.share, self.parent = share, folder
        self.submitit = _package()
        if not self.here and shutil.which("sbatch") is None:
            raise VrtuneError(
                "this machine submits no jobs to Slurm, as it has no sbatch: search on one that "
                "does, or give --slurm local to try it here"
            )
        self.folder: Path | None = None
        self.jobs: dict[int, Any] = {}  # of the workers that have not ended, by number
        self.restarts: dict[int, int] = {}
        self.asked = 0.0  # when Slurm was
        self.missing: set[str] = set()  # jobs that it did not know then
        self.failed = False

    def __str__(self) -> str:
        return "Slurm's local stand-in" if self.here else "Slurm"

    def start(self, entrypoint: Entrypoint, workers: int) -> None:
        self.entrypoint = entrypoint
        if self.folder is None:
            self.parent.mkdir(parents=True, exist_ok=True)
            # for its owner alone: it holds the storage's password
            self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir=self.parent)).resolve()
            self.executor = self._executor(self.folder)
        self.jobs = dict(enumerate(self._submit(workers), start=1))
        self.asked = time.monotonic()

    def look(self) -> Standing:
        failed, notes = [], []
        gone = self._gone()
        for number, job in list(self.jobs.items()):
            if self._has_ended(job):
                del self.jobs[number]
                if why := self._failure(job):
                    failed.append(f"worker {number} of {self}: {why}")
            elif job.job_id in gone:
                if self.restarts.get(number, 0) < RESTARTS:
                    self.restarts[number] = self.restarts.get(number, 0) + 1
                    self.jobs[number] = self._submit(1)[0]
                    notes.append(f"worker {number} of {self} was lost, and is submitted again")
                else:
                    del self.jobs[number]
                    failed.append(
                        f"worker {number} of {self}: it was lost {RESTARTS + 1} times, its last "
                        f"words are in {job.paths.stderr}"
                    )
        self.failed = self.failed or bool(failed)
        return Standing(working=len(self.jobs), failed=tuple(failed), notes=tuple(notes))

    def stop(self, patience: float) -> None:
        for job in self.jobs.values():
            if self.here:  # submitit's own way would kill it after a second
                with suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)
            else:  # SIGTERM, and SIGKILL after Slurm's KillWait
                job.cancel(check=False)
        until = time.monotonic() + patience
        while (left := self._left()) and time.monotonic() < until:
            time.sleep(LOOK_S)
        for job in left:
            job.cancel(check=False)
        self.jobs = {}

    def close(self) -> None:
        if self.folder and not self.failed and not self.jobs:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _executor(self, folder: Path) -> Any:
        kind = "local" if self.here else "slurm"
        given = dict(self.given)
        more: dict[str, Any] = {"timeout_min": _minutes(given.pop("time", str(MINUTES)))}
        if not self.here:
            more["slurm_additional_parameters"] = given
            more["slurm_cpus_per_task"] = self.share.cpus
        if self.share.gpus:
            more["gpus_per_node"] = self.share.gpus
        # a worker at its limit is queued again, until there is no more to do
        limits = {f"{kind}_max_num_timeout": 10**6}
        executor = self.submitit.AutoExecutor(folder, cluster=kind, **limits)
        executor.update_parameters(name="vrtune", **more)
        return executor

    def _submit(self, count: int) -> list[Any]:
        try:
            return self.executor.map_array(Restartable(), [self.entrypoint] * count)
        except Exception as error:  # of sbatch, whose last words say why
            raise VrtuneError(f"{self} takes no job ({brief(_last(error))})") from None

    def _gone(self) -> set[str]:
        """The jobs that Slurm has no more, and had none when it was asked before: a shared file
        system has shown by then what they left. Slurm is asked now and then."""
        if self.here:
            return {job.job_id for job in self.jobs.values() if job.done()}
        if time.monotonic() - self.asked < ASK_S:
            return set()
        self.asked = time.monotonic()
        known = _queued([job.job_id for job in self.jobs.values()])
        missing = {job.job_id for job in self.jobs.values()} - known
        gone, self.missing = missing & self.missing, missing
        return gone

    def _left(self) -> list[Any]:
        """Jobs that have not ended."""
        if self.here:
            return [job for job in self.jobs.values() if not job.done()]
        jobs = [job for job in self.jobs.values() if not self._has_ended(job)]
        known = _queued([job.job_id for job in jobs])
        return [job for job in jobs if job.job_id in known]

    def _has_ended(self, job: Any) -> bool:
        """Whether a job has left what its worker said; here its process is gone by then, too."""
        return job.paths.result_pickle.exists() and (not self.here or job.done())

    def _failure(self, job: Any) -> str | None:
        """Why a worker that has ended failed, if it did; its own words are sentences."""
        try:
            return job.result()
        except Exception as error:
            return f"failed ({told(error)}): {job.paths.stderr} says more"


class Restartable:
    """What a job runs, in a form that submitit queues again at a time limit or a preemption."""

    def __call__(self, entrypoint: Entrypoint) -> str | None:
        """Runs it; a fault is told in words, its traceback stays in the job's file."""
        try:
            return entrypoint()
        except Exception as error:
            traceback.print_exc()
            return f"it failed ({told(error)})"

    def checkpoint(self, entrypoint: Entrypoint) -> Any:
        """The same once more: what is to be kept is in the storage."""
        return _package().helpers.DelayedSubmission(self, entrypoint)


def _read(options: str) -> dict[str, str]:
    """sbatch's options. UsageError for what are none, or are not for the user to give."""
    found = {}
    for part in options.split(","):
        name, equals, value = (word.strip() for word in part.partition("="))
        name = name.removeprefix("--")
        if not (name and equals and value):
            raise UsageError(
                f"slurm: {part!r} is no option of sbatch: give some as in "
                "partition=NAME,time=4:00:00, or auto for none, or local"
            )
        if name.replace("_", "-") in OURS:
            raise UsageError(f"slurm: {name} is set by vrtune: give --jobs, --gpus or --workers")
        found[name] = value
    _minutes(found.get("time", "1"))
    return found


def _minutes(given: str) -> int:
    """Slurm's minutes, minutes:seconds, hours:minutes:seconds or days-hours[:minutes[:seconds]]."""
    days, dash, rest = given.rpartition("-") if "-" in given else ("0", "", given)
    try:
        parts = [int(part) for part in rest.split(":")]
        if dash or len(parts) == 3:
            hours, minutes, seconds = (*parts, 0, 0)[:3]
        else:
            hours, minutes, seconds = 0, *(*parts, 0)[:2]
        total = (int(days) * 24 + hours) * 60 + minutes + (seconds > 0)
        if len(parts) > 3 or min(*parts, total - 1) < 0:
            raise ValueError
    except ValueError:
        raise UsageError(
            f"slurm: time={given} is no time: give minutes, or hours:minutes:seconds"
        ) from None
    return total


def _queued(jobs: Sequence[str]) -> set[str]:
    """Those of the jobs that Slurm still has: they wait, run or are about to end. All, if it
    does not answer."""
    if not jobs:
        return set()
    ids = ",".join(jobs)
    asked = subprocess.run(
        ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={ids}"],
        capture_output=True,
        text=True,
    )
    forgotten = "Invalid job id" in asked.stderr  # said only where it knows none of them
    return set(asked.stdout.split()) if asked.returncode == 0 or forgotten else set(jobs)


def _last(error: Exception) -> str:
    """The last line of what it says, where programs name the cause."""
    lines = [line for line in str(error).splitlines() if line.strip(" -")]
    return lines[-1] if lines else told(error)


def _package() -> Any:
    try:
        return import_module("submitit")
    except ImportError:
        raise VrtuneError("--slurm needs submitit: pip install 'vrtune[slurm]'") from None
