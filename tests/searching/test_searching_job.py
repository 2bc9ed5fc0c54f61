"""Searches in several processes: interrupted, killed and continued, they lose no trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from optuna.trial import TrialState

from vrtune import Task, search
from vrtune.errors import UsageError
from vrtune.lanes.pool import Pool
from vrtune.searching.job import Quota
from vrtune.searching.process import Process
from vrtune.storages.opening import open_storage
from vrtune.studies.counts import count
from vrtune.studies.leases import reclaim
from vrtune.studies.record import load_study

# a script without a main guard: processes must not need one
SCRIPT = """
import sys
from vrtune import Task, search
task = Task(folds=2, epochs=6, limit=400)
result = search(sys.argv[3], task, trials=int(sys.argv[2]), pruner="none", study="s", jobs=2,
                retrain=0, storage=sys.argv[1], progress=lambda e: print(e.kind, flush=True))
print("stopped" if result.stopped else "ended", flush=True)
"""


def start(url: str, trials: int, space: str = "sgd", **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, url, str(trials), space],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def wait_for(process: subprocess.Popen[str], line: str, times: int) -> None:
    assert process.stdout
    for said in process.stdout:
        times -= said.strip() == line
        if not times:
            return
    raise AssertionError(f"the search ended before it said {line!r} often enough")


def states(url: str) -> list[TrialState]:
    study = load_study(open_storage(url), "s", url)
    return [trial.state for trial in study.get_trials(deepcopy=False)]


def test_a_quota_grants_so_many_trials_and_none_once_time_is_up() -> None:
    late = False
    quota = Quota(3, lambda: late)
    assert [quota.take() for _ in range(5)] == [True, True, True, False, False]
    quota = Quota(3, lambda: late)
    assert quota.take()
    late = True
    assert not quota.take()


@pytest.mark.slow
def test_interrupted_in_the_middle_and_continued(url: str) -> None:
    process = start(url, 40)
    wait_for(process, "finished", 3)
    wait_for(process, "round", 5)  # until then both may have no trial open
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.split()[-1] == "stopped"
    assert process.returncode == 0
    before = states(url)
    assert TrialState.RUNNING not in before
    queued = before.count(TrialState.WAITING)
    # one process may put back what the other takes, and puts back in its turn
    assert 0 < queued <= before.count(TrialState.FAIL)
    cut_off = count(load_study(open_storage(url), "s", url).get_trials())
    assert (cut_off.interrupted, cut_off.failed) == (before.count(TrialState.FAIL), 0)
    complete = before.count(TrialState.COMPLETE)
    process = start(url, queued + 2)
    out, _ = process.communicate(timeout=120)
    assert out.split()[-1] == "ended"
    after = states(url)
    assert set(after) == {TrialState.COMPLETE, TrialState.FAIL}
    assert after.count(TrialState.COMPLETE) == complete + queued + 2
    study = load_study(open_storage(url), "s", url)
    trials = study.get_trials(deepcopy=False)
    failed = [t.params for t in trials if t.state is TrialState.FAIL]
    again = [t.params for t in trials if "again" in t.user_attrs]
    assert sorted(map(json.dumps, failed)) == sorted(map(json.dumps, again))


@pytest.mark.slow
def test_processes_end_when_their_parent_is_killed(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vrtune.studies.leases.CLAIM_S", 0.0)
    process = start(url, 400)
    wait_for(process, "finished", 4)
    children = psutil.Process(process.pid).children()
    assert len(children) == 1
    study, until = load_study(open_storage(url), "s", url), time.monotonic() + 60
    while not any(
        trial.user_attrs.get("worker", {}).get("pid") == children[0].pid
        for trial in study.get_trials(deepcopy=False)
    ):  # this process trains alone until the other has started
        if time.monotonic() > until:
            process.kill()
            pytest.fail("the other process took no trial")
        time.sleep(0.05)
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=30)
    assert not alive
    study = load_study(open_storage(url), "s", url)
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    holders = {trial.user_attrs["worker"]["pid"] for trial in running}
    assert holders <= {process.pid}, "the other one has put back its own"
    assert reclaim(study) == len(running)
    assert TrialState.RUNNING not in states(url)


@pytest.mark.slow
def test_a_killed_process_gives_its_trial_back(url: str) -> None:
    process = start(url, 40)
    wait_for(process, "finished", 4)
    victim = psutil.Process(process.pid).children()[0]
    victim.kill()
    process.communicate(timeout=120)
    assert process.returncode == 0
    assert states(url).count(TrialState.COMPLETE) == 40
    assert set(states(url)) <= {TrialState.COMPLETE, TrialState.FAIL}


def test_everything_killed_at_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vrtune.studies.leases.CLAIM_S", 0.0)
    (temporary := tmp_path / "temporary").mkdir()
    process = start(url, 40, TMPDIR=str(temporary))
    wait_for(process, "round", 2)
    for child in psutil.Process(process.pid).children():
        child.kill()
    process.kill()
    process.communicate()
    time.sleep(0.2)
    if TrialState.RUNNING in states(url):
        assert reclaim(load_study(open_storage(url), "s", url)) > 0
    assert TrialState.RUNNING not in states(url)
    assert TrialState.WAITING in states(url)
    assert not list(temporary.iterdir())


FORKS = """
import os, sys, time
from vrtune import SGD, TrialConfig
forked = [] if sys.argv[-1].endswith("forks.py") else None  # in the search's first process alone
def suggest(trial):
    if forked == [] and trial.number >= 2:
        forked.append(os.fork())
        if forked == [0]:
            time.sleep(600)
            os._exit(0)
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.01, 1.0)))
"""


@pytest.mark.slow
def test_processes_end_with_their_parent_whatever_that_has_forked(url: str, tmp_path: Path) -> None:
    """What it forks has their standard input open, too."""
    (space := tmp_path / "forks.py").write_text(FORKS)
    process = start(url, 400, str(space))
    wait_for(process, "finished", 8)
    children = psutil.Process(process.pid).children()
    process.kill()
    workers = [child for child in children if "vrtune worker" in child.cmdline()[-1]]
    forked = [child for child in children if child not in workers]
    try:
        assert (len(workers), len(forked)) == (1, 1)
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert not alive
    finally:
        for child in forked:
            child.kill()
        process.communicate()


def test_an_error_in_a_process_is_the_searchs(url: str, tmp_path: Path) -> None:
    path = tmp_path / "breaks.py"
    path.write_text(
        "import os\n"
        "from vrtune import SGD, TrialConfig\n"
        "def suggest(trial):\n"
        "    print('thinking')\n"
        "    os.system('echo and thinking')\n"
        "    trial.suggest_float('lr', 0.1, 0.2)\n"
        "    if trial.number >= 2:\n"
        "        raise RuntimeError('out of ideas')\n"
        "    return TrialConfig(optimizer=SGD(lr=0.1))\n"
    )
    task = Task(model="softmax", folds=2, epochs=1, limit=100)
    with pytest.raises(UsageError, match="out of ideas"):
        search(str(path), task, trials=9, jobs=2, study="s", storage=url, retrain=0)
    assert TrialState.RUNNING not in states(url)


def test_the_cores_of_a_process_that_ended_go_to_the_rest(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes, three trials: one of them runs out of trials before the other."""
    said: list[str] = []
    say, use_threads = Process.say, Pool.use_threads

    def overheard(process: Process, line: str) -> None:
        said.append(line)
        say(process, line)

    def noted(pool: Pool, threads: int) -> None:
        said.append(f"threads {threads}")
        use_threads(pool, threads)

    monkeypatch.setattr(Process, "say", overheard)
    monkeypatch.setattr(Pool, "use_threads", noted)
    monkeypatch.setattr("vrtune.searching.processes.cores", lambda device: 4)
    found = search(
        "sgd",
        Task(folds=2, epochs=30, limit=400),
        trials=3,
        jobs=2,
        lanes=2,
        fuse="off",
        pruner="none",
        study="s",
        storage=url,
        retrain=0,
    )
    assert found.trials.complete == 3
    assert "threads 4" in said  # whichever of them is left
