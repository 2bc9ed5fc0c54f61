"""PostgreSQL, with a server of its own on the loopback interface: rights, passwords, a search."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from runpy import run_path
from urllib.parse import quote

import optuna
import pytest
from optuna.trial import TrialState
from optuna_dashboard import get_note

from vrtune import Task, search
from vrtune.dashboard.pages import application
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import check_storage, open_storage, open_to_read
from vrtune.studies.artifacts import artifact_folder, own_artifacts
from vrtune.studies.record import load_study

Trusting = run_path(str(Path(__file__).parents[2] / "benchmarks" / "postgresql.py"))["Server"]
PASSWORD = "h%rse @/7"


class Server(Trusting):  # type: ignore[misc, valid-type]
    """The benchmarks' server; this one asks for a password."""

    def entrance(self) -> list[str]:
        word = self.folder / "word"
        word.write_text(PASSWORD)
        return ["--auth=scram-sha-256", f"--pwfile={word}"]

    def url(
        self, database: str = "postgres", user: str = "vrtune", password: str = PASSWORD
    ) -> str:
        word = quote(password, safe="")
        return f"postgresql://{user}:{word}@127.0.0.1:{self.port}/{database}"

    def ask(self, database: str, *commands: str) -> list[tuple[object, ...]]:
        """Says SQL, and returns what the last command found."""
        return super().ask(*commands, database=database)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    pytest.importorskip("psycopg")
    folder = Path(tempfile.mkdtemp())
    try:
        try:
            server = Server(folder)
        except FileNotFoundError as error:
            pytest.skip(str(error))
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def database(server: Server, request: pytest.FixtureRequest) -> str:
    """The name of a database with nothing in it."""
    name = f"d{abs(hash(request.node.name))}"
    server.ask("postgres", f"CREATE DATABASE {name}")
    return name


@pytest.fixture
def url(server: Server, database: str) -> str:
    return server.url(database)


def test_search_in_two_processes(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = Task(model="softmax", folds=2, epochs=2, limit=120)
    for _ in range(2):
        result = search("sgd", task, trials=4, jobs=2, study="s", storage=url, retrain_seeds=1)
    assert result.retrain is not None
    study = load_study(open_storage(url), "s", url)
    trials = study.get_trials()
    assert len(trials) == 8
    assert {t.state for t in trials} <= {TrialState.COMPLETE, TrialState.PRUNED}
    assert {path.name for path in artifact_folder(url).iterdir()} == own_artifacts(study)
    assert len(own_artifacts(study)) == 2 * 8
    assert "vrtune:***@" in get_note(study)
    assert not any(word in get_note(study) for word in (PASSWORD, quote(PASSWORD, safe="")))


def test_who_only_reads_needs_no_other_right(server: Server, database: str, url: str) -> None:
    reader = server.url(database, "reader", "reads")
    server.ask(database, "CREATE ROLE reader LOGIN PASSWORD 'reads'")
    with pytest.raises(UsageError, match="holds no studies yet: search first"):
        open_to_read(reader)
    for call in (open_storage, check_storage):
        with pytest.raises(VrtuneError, match="may be read only by this user: ask for the right"):
            call(reader)
    optuna.create_study(study_name="s", storage=open_storage(url))
    server.ask(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    assert [study.study_name for study in open_to_read(reader).get_all_studies()] == ["s"]
    with pytest.raises(VrtuneError, match="may be read only by this user: ask for the right"):
        open_storage(reader, create=False)


def test_the_dashboard_needs_no_right_but_to_read(
    server: Server, database: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    search("sgd", Task(model="softmax", folds=2, epochs=1, limit=120), trials=2, storage=url)
    server.ask(database, "CREATE ROLE looker LOGIN PASSWORD 'looks'")
    server.ask(database, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO looker")
    said: list[bytes] = []
    says: list[str] = []
    app = application(server.url(database, "looker", "looks"))
    for path in ("/api/studies", "/api/studies/1"):
        asked = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.errors": sys.stderr}
        said.append(b"".join(app(asked, lambda status, _, *__: says.append(status))))  # type: ignore[arg-type, func-returns-value, return-value]
    assert says == ["200 OK", "200 OK"]
    listed, detail = map(json.loads, said)
    name = listed["study_summaries"][0]["study_name"]
    assert name.startswith("sgd-digits-softmax: best ")
    assert detail["name"] == name
    assert "looker:***@" in detail["note"]["body"]


def test_a_database_that_is_set_to_be_read_only(server: Server, database: str, url: str) -> None:
    optuna.create_study(study_name="s", storage=open_storage(url))
    server.ask("postgres", f"ALTER DATABASE {database} SET default_transaction_read_only = on")
    assert len(open_to_read(url).get_all_studies()) == 1
    with pytest.raises(VrtuneError, match="may be read only"):
        open_storage(url)


def test_another_programs_database_stays_as_it_is(server: Server, database: str, url: str) -> None:
    server.ask(database, "CREATE TABLE bookmarks (a int)")
    for call in (open_storage, open_to_read, check_storage):
        with pytest.raises(UsageError, match="another program's database"):
            call(url)
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    assert server.ask(database, tables) == [("bookmarks",)]
    server.ask(database, "DROP TABLE bookmarks")
    open_storage(url)
    server.ask(database, "CREATE TABLE bookmarks (a int)")  # both in one: Optuna came first
    open_storage(url)


@pytest.mark.parametrize(
    ("user", "password", "database", "says"),
    [
        ("vrtune", "wr0ngPW", "postgres", "lets nobody in under this name and password"),
        ("nobody", "wr0ngPW", "postgres", "lets nobody in under this name and password"),
        ("vrtune", PASSWORD, "none", "names a database that is not there: make it first"),
    ],
)
def test_who_is_not_let_in(
    server: Server, user: str, password: str, database: str, says: str
) -> None:
    with pytest.raises(VrtuneError, match=says) as told:
        open_storage(server.url(database, user, password))
    assert password not in str(told.value)


def test_a_server_that_goes_away(server: Server, url: str) -> None:
    """And comes back."""
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    server.stop()
    try:
        with pytest.raises(VrtuneError, match=r"does not answer .*start its server") as told:
            study.set_user_attr("a", 1)
        for call in (open_storage, open_to_read, check_storage):
            with pytest.raises(VrtuneError, match=r"does not answer .*start its server"):
                call(url)
    finally:
        server.start()
    shown = "".join(traceback.format_exception(told.value))
    assert "rse" not in shown.replace("parse", "").replace("traverse", "").replace("course", "")
    study.set_user_attr("a", 2)
    assert study.user_attrs == {"a": 2}
