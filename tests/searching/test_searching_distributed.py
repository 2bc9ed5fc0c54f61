"""Searches whose workers an engine runs: what they share, what is told, and bad days for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState
from storages.test_storages_postgresql import Server, database, server, url  # noqa: F401

from vrtune import Task, search
from vrtune.engines.base import Engine, Entrypoint, Standing
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Finished, Noted, Planned, RoundEnded
from vrtune.searching import distributed
from vrtune.searching.distributed import Remote, Workers, check_shared
from vrtune.searching.settings import SearchSettings
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.goals import counted, raise_goal
from vrtune.studies.leases import AGAIN, CUT_OFF, WORKER
from vrtune.studies.record import load_study

TASK = Task(model="softmax", folds=2, epochs=2, limit=120)
LONG = Task(model="mlp", folds=2, epochs=40)  # seconds a trial: there is a middle to be killed in


class Threads(Engine):
    """Runs workers in threads of this process."""

    here = True

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []
        self.failures: list[str] = []
        self.closed = False

    def __str__(self) -> str:
        return "Threads"

    def start(self, entrypoint: Entrypoint, workers: int) -> None:
        def run() -> None:
            if why := entrypoint():
                self.failures.append(f"worker: {why}")

        self.threads += [threading.Thread(target=run) for _ in range(workers)]
        for thread in self.threads[-workers:]:
            thread.start()

    def look(self) -> Standing:
        failed, self.failures = tuple(self.failures), []
        return Standing(working=sum(t.is_alive() for t in self.threads), failed=failed)

    def stop(self, patience: float) -> None:
        for thread in self.threads:
            thread.join(patience)

    def close(self) -> None:
        self.closed = True


class Elsewhere(Threads):
    here = False


class Script(Threads):
    """Says what it is told to say."""

    def __init__(self, *says: Standing) -> None:
        super().__init__()
        self.says, self.started = list(says), 0

    def start(self, entrypoint: Entrypoint, workers: int) -> None:
        self.started += workers

    def look(self) -> Standing:
        return self.says.pop(0)


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Threads:
    engine = Threads()
    monkeypatch.setattr(distributed, "_engine", lambda settings: engine)
    monkeypatch.setattr(distributed, "LOOK_S", 0.05)
    return engine


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/studies.db"


def test_the_head_opens_watches_and_concludes(threads: Threads, sqlite: str) -> None:
    events: list[Event] = []
    given = {"storage": sqlite, "retrain_seeds": 1, "confirm": 0}
    found = search("sgd", TASK, ray="local", workers=2, trials=4, progress=events.append, **given)
    assert found.retrain is not None
    assert found.occupancy is None
    assert threads.closed
    (plan,) = [event for event in events if isinstance(event, Planned)]
    assert plan.text == "2 workers of Ray"
    told = [event for event in events if isinstance(event, Finished)]
    trials = load_study(open_to_read(sqlite), found.study, sqlite).get_trials()
    assert [(t.number, t.state.name.lower()) for t in trials] == sorted(
        (event.number, event.state) for event in told
    )
    assert {e.number: e.value for e in told if e.state == "complete"} == {
        t.number: t.value for t in trials if t.state is TrialState.COMPLETE
    }
    last = [event for event in events if isinstance(event, RoundEnded)][-1]
    assert last.spent == found.gradient_computations


def test_what_workers_meet_is_told_when_none_is_left(
    threads: Threads, sqlite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise VrtuneError("there is no data")

    monkeypatch.setattr(distributed, "train", refuse)
    with pytest.raises(VrtuneError, match="worker: there is no data; no worker is left: the same"):
        search("sgd", TASK, ray="local", workers=2, trials=2, storage=sqlite, progress=False)
    assert threads.closed


@pytest.mark.parametrize(
    ("storage", "says"),
    [
        ("sqlite:///studies.db", "is a file, and the workers of Threads are on other machines"),
        ("studies.journal", "is a file, and the workers"),
        ("postgresql://me:word@localhost/s", r"localhost/s is reached from this machine alone"),
        ("postgresql:///s", "is reached from this machine alone"),
        ("mysql://127.0.0.1:3306/s", "is reached from this machine alone"),
    ],
)
def test_what_other_machines_do_not_share(storage: str, says: str) -> None:
    check_shared(Threads(), storage)
    with pytest.raises(UsageError, match=says) as told:
        check_shared(Elsewhere(), storage)
    assert "word" not in str(told.value)


@pytest.mark.parametrize(
    "storage", ["postgresql://db.example/s", "postgresql:///s?host=db.example", "mysql://db/s"]
)
def test_what_they_do(storage: str) -> None:
    check_shared(Elsewhere(), storage)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"ray": "auto", "slurm": "auto", "workers": 1}, "those of ray or of slurm: give one"),
        ({"workers": 2}, "those of ray or of slurm: give one"),
        ({"gpus": 2}, "those of ray or of slurm: give one"),
        ({"ray": "auto"}, "workers: say how many"),
        ({"slurm": "auto", "workers": 0}, "workers: Input should be greater than 0"),
    ],
)
def test_settings_that_say_too_little_or_too_much(given: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        SearchSettings.read(given)


def test_workers_as_long_as_they_are_needed(sqlite: str) -> None:
    """A failure is said while others work; once none does, those that are needed are started."""
    study = optuna.create_study(study_name="s", storage=open_storage(sqlite))
    said: list[Event] = []
    engine = Script(
        Standing(working=1, failed=("worker 2: no",), notes=("worker 1 was lost",)),
        Standing(working=0),
    )
    remote = Remote(study="s", storage=sqlite, jobs=1, device="cpu", folder=".")
    workers = Workers(engine, remote, 2, said.append)
    workers.start()
    workers.look(study)
    assert [e.text for e in said if isinstance(e, Noted)] == [
        "worker 1 was lost",
        "worker 2: no; 1 of 2 workers go on",
    ]
    workers.failures = []
    raise_goal(study, 1, others=False)
    workers.look(study)
    assert engine.started == 3


# ---- engines that are there, and faults for real -------------------------------------------------


@pytest.fixture
def two_nodes() -> Iterator[str]:
    """The address of a Ray cluster of two nodes with a core each."""
    pytest.importorskip("ray")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    yield cluster.address
    cluster.shutdown()


def until(true: Callable[[], object], seconds: float = 120.0) -> None:
    late = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < late
        time.sleep(0.05)


def under_way(url: str, study: str) -> list[FrozenTrial]:  # noqa: F811
    """Trials in training that have written a checkpoint, as they report after it."""
    try:
        opened = load_study(open_to_read(url), study, url)
    except VrtuneError:  # it is about to be made
        return []
    running = opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [t for t in running if (t.last_step or 0) >= 5 and WORKER in t.user_attrs]


def killer(url: str, study: str) -> threading.Thread:  # noqa: F811
    """Kills a worker in the middle of a trial."""

    def kill() -> None:
        until(lambda: under_way(url, study))
        os.kill(under_way(url, study)[0].user_attrs[WORKER]["pid"], signal.SIGKILL)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    return thread


def killed_in_the_middle(url: str, folder: Path, **engine: str) -> None:  # noqa: F811
    """A search whose first worker is killed, and which comes to what an unbroken one does."""
    events: list[Event] = []
    thread = killer(url, "s")
    found = search(
        "own.py",
        LONG,
        study="s",
        storage=url,
        workers=2,
        checkpoint=1,
        retrain_seeds=1,
        progress=events.append,
        **engine,
        **SAME,
    )
    thread.join()
    assert found.retrain is not None
    check_whole(url, folder, events)


def check_whole(url: str, tmp_path: Path, events: list[Event]) -> None:  # noqa: F811
    """No trial of study s is lost, stuck or doubled, and each has the curve of an unbroken run."""
    trials = load_study(open_to_read(url), "s", url).get_trials()
    cut, *others = [t for t in trials if t.user_attrs.get(CUT_OFF)]
    assert not others
    (again,) = [t for t in trials if t.user_attrs.get(AGAIN) == cut.number]
    assert cut.state is TrialState.FAIL
    assert again.params == cut.params
    # written after each epoch, on a thread beside the training
    assert 1 <= again.user_attrs["continued"] <= (cut.last_step or 0)
    ended = [t for t in trials if t is not cut]
    assert {t.state for t in ended} == {TrialState.COMPLETE}
    assert counted(trials) == len(ended) == 4
    pids = {trial.user_attrs[WORKER]["pid"] for trial in trials}
    assert len(pids) >= 2  # the new one may come when there is no more to do
    notes = [event.text for event in events if isinstance(event, Noted)]
    assert any("was lost, and is" in note for note in notes)
    alone = f"sqlite:///{tmp_path}/alone.db"
    search("own.py", LONG, study="s", storage=alone, retrain=0, progress=False, **SAME)
    unbroken = load_study(open_to_read(alone), "s", alone).get_trials()
    assert {t.params["lr"]: t.intermediate_values for t in ended} == {
        t.params["lr"]: t.intermediate_values for t in unbroken
    }


SAME = {"sampler": "grid", "pruner": "none", "jobs": 1, "confirm": 0}
SPACE = """from vrtune import SGD, TrialConfig
GRID = {"lr": [0.01, 0.02, 0.05, 0.1]}
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.01, 0.1)))
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a search space, own.py."""
    (tmp_path / "own.py").write_text(SPACE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own
def test_ray_with_a_worker_killed_in_the_middle(
    two_nodes: str,
    url: str,  # noqa: F811
    folder: Path,
) -> None:
    """On two nodes, with PostgreSQL as all that they share."""
    killed_in_the_middle(url, folder, ray=two_nodes)


@pytest.mark.slow
def test_slurms_stand_in_with_a_worker_killed_in_the_middle(
    url: str,  # noqa: F811
    folder: Path,
) -> None:
    pytest.importorskip("submitit")
    killed_in_the_middle(url, folder, slurm="local")
    assert not [*(folder / "studies").glob("slurm-*")]


@pytest.mark.slow
@pytest.mark.parametrize("engine", [("--ray", "local"), ("--slurm", "local")])
def test_ctrl_c_stops_the_workers(engine: tuple[str, str], sqlite: str, folder: Path) -> None:
    """As a terminal does it: the whole group hears it. The same command goes on, and joins."""
    pytest.importorskip("ray" if "--ray" in engine else "submitit")
    task = ["--model", "mlp", "--folds", "2", "--epochs", "40"]
    command = [sys.executable, "-m", "vrtune.cli.main", "search", "own.py", *task]
    command += ["--storage", sqlite, "--study", "s", "--sampler", "grid", "--pruner", "none"]
    command += [*engine, "--workers", "2", "--confirm", "0", "--retrain-seeds", "1", "--json"]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    until(lambda: under_way(sqlite, "s"))
    os.killpg(first.pid, signal.SIGINT)
    _, said = first.communicate(timeout=90)
    assert first.returncode == -signal.SIGINT
    assert said.splitlines()[-1].startswith("stopped: ")
    trials = load_study(open_to_read(sqlite), "s", sqlite).get_trials()
    states = {t.state for t in trials}
    assert TrialState.RUNNING not in states
    assert TrialState.WAITING in states
    again = subprocess.run(command, capture_output=True, text=True, timeout=180)
    assert again.returncode == 0, again.stderr
    result = json.loads(again.stdout)
    assert result["trials"]["complete"] == 4
    assert result["retrain"] is not None
