# ruff: noqa: F811
"""A server that stops, starts and cuts connections while a search goes on."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.storages import get_storage
from optuna.trial import TrialState
from storages.test_storages_postgresql import Server, database, server, url  # noqa: F401

from vrtune import Task, search
from vrtune.errors import VrtuneError
from vrtune.events import Event, Noted, RoundEnded
from vrtune.storages import patience
from vrtune.storages.locks import ServerLock, locked
from vrtune.storages.opening import Tables, open_storage
from vrtune.storages.patience import away, patient
from vrtune.studies.record import load_study

pytestmark = [
    pytest.mark.slow,
    # psycopg's, of connections that the server has cut
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
TASK = Task(model="softmax", folds=2, epochs=150, limit=300)
CUT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = '{}' AND pid <> pg_backend_pid()
"""


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


@pytest.mark.parametrize("proxied", [False, True], ids=["direct", "proxied"])
def test_a_search_trains_on_while_its_database_starts_anew(
    server: Server,
    url: str,
    proxied: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lanes train meanwhile, and what came of it is written then."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(patience, "TOLD_S", 0.5)
    said: list[str] = []
    meanwhile, restart = 0, threading.Timer(3.0, server.start)

    def hear(event: Event) -> None:
        nonlocal meanwhile
        if isinstance(event, Noted) and "storage" not in event.text:
            said.append(event.text)
        elif isinstance(event, RoundEnded):
            meanwhile += away()
            if event.behind > 40 and restart.ident is None:
                server.stop()
                restart.start()

    with ExitStack() as stack:
        storage = url
        if proxied:
            pytest.importorskip("grpc")
            from vrtune.storages.proxy import proxy

            port = stack.enter_context(proxy(url, "127.0.0.1", 0))
            storage = f"grpc://127.0.0.1:{port}"
        search(
            "sgd", TASK, trials=6, open=2, jobs=1, study="s", sampler="random", pruner="none",
            storage=storage, retrain=0, progress=hear,
        )  # fmt: skip
        restart.join()
    assert meanwhile >= 20  # epochs of its trials that were trained while it was away
    assert " does not answer since " in said[0]
    assert " answers again (" in said[-1]
    trials = load_study(open_storage(url), "s", url).trials
    assert Counter(trial.state for trial in trials) == {TrialState.COMPLETE: 6}
    assert all(len(trial.intermediate_values) == TASK.epochs for trial in trials)


def test_connections_that_are_cut_again_and_again(server: Server, database: str, url: str) -> None:
    """Four threads ask, report and tell; no trial is lost, doubled or left open."""
    storage, done = open_storage(url), threading.Event()
    optuna.create_study(study_name="s", storage=storage)
    told: Counter[int] = Counter()

    def cut() -> None:
        while not done.wait(0.5):  # a trial takes longer than that, all together
            server.ask("postgres", CUT.format(database))

    def work() -> None:
        study = optuna.load_study(
            study_name="s", storage=open_storage(url, waits=True), sampler=sampler
        )
        for _ in range(5):
            trial = study.ask()
            value = trial.suggest_float("x", 0.0, 1.0)
            for epoch in range(3):
                trial.report(value, epoch)
            study.tell(trial, value)
            told[trial.number] += 1

    sampler = optuna.samplers.RandomSampler()
    threads = [threading.Thread(target=work) for _ in range(4)]
    with patient(lambda event: None):
        cutting = threading.Thread(target=cut)
        cutting.start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        done.set()
        cutting.join()
    trials = optuna.load_study(study_name="s", storage=storage).trials
    assert sorted(told) == [trial.number for trial in trials] == list(range(20))
    assert set(told.values()) == {1}
    assert {trial.state for trial in trials} == {TrialState.COMPLETE}
    assert all(
        trial.intermediate_values == dict.fromkeys(range(3), trial.value) for trial in trials
    )


def test_a_lock_that_was_cut_is_taken_again(server: Server, url: str) -> None:
    storage = open_storage(url)
    study = optuna.create_study(study_name="s", storage=storage)
    other = ServerLock(storage.engine, url)  # type: ignore[attr-defined]
    with patient(lambda event: None), locked(study, "to try it"):
        assert not other.take()
        restart = threading.Timer(0.5, server.start)
        server.stop()
        restart.start()
        study.set_user_attr("a", 1)
        restart.join()
        other.let_go()
        assert not other.take()
        other.let_go()
    assert other.take()
    other.let_go()


def test_who_opens_it_again_waits_and_who_opens_it_first_does_not(server: Server, url: str) -> None:
    open_storage(url)
    with patient(lambda event: None):
        with stopped(server):
            with pytest.raises(VrtuneError, match="does not answer"):
                open_storage(url)
            opened: list[object] = []
            thread = threading.Thread(target=lambda: opened.append(open_storage(url, waits=True)))
            thread.start()
            time.sleep(0.5)
            assert not opened
        thread.join()
    assert len(opened) == 1


def test_a_process_keeps_one_connection(server: Server, database: str, url: str) -> None:
    storage = open_storage(url)
    study = optuna.create_study(study_name="s", storage=storage)
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}'"
    for _ in range(3):
        with locked(study, "to try it"):
            study.ask()
    assert server.ask("postgres", count) == [(1,)]


@pytest.fixture
def served(url: str) -> Iterator[str]:
    pytest.importorskip("grpc")
    from vrtune.storages.proxy import proxy

    with proxy(url, "127.0.0.1", 0) as port:
        yield f"grpc://127.0.0.1:{port}"


def test_processes_of_a_proxy_and_of_its_database_share_a_lock(served: str, url: str) -> None:
    direct = open_storage(url)
    assert isinstance(direct, Tables)
    with locked(open_storage(served), "to try it"):
        other = ServerLock(direct.engine, url)
        assert not other.take()
        assert not open_storage(served).lock("another")  # type: ignore[attr-defined]
        other.let_go()
    assert other.take()
    assert not open_storage(served).lock("another")  # type: ignore[attr-defined]
    other.let_go()
    assert open_storage(served).lock("another")  # type: ignore[attr-defined]


def test_a_trial_of_another_proxy_goes_on(url: str) -> None:
    pytest.importorskip("grpc")
    from vrtune.storages.proxy import proxy

    with proxy(url, "127.0.0.1", 0) as port:
        study = optuna.create_study(
            study_name="s", storage=open_storage(f"grpc://127.0.0.1:{port}")
        )
        trial = study.ask()
    with proxy(url, "127.0.0.1", port):
        study.tell(trial, trial.suggest_float("x", 0.0, 1.0))
    trials = optuna.load_study(study_name="s", storage=get_storage(open_storage(url))).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE]
