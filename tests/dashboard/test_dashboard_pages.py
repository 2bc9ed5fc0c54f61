"""What the dashboard answers: words and figures to be read, of whatever storage, and no change."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState, create_trial

from vrtune.config import Task
from vrtune.dashboard.pages import application
from vrtune.errors import UsageError
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.note import write_note
from vrtune.studies.record import RECORD

Ask = Callable[..., Any]
STUDY = "sgd-digits-softmax"


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }


def copied(url: str, to: str) -> str:
    """The same studies in another storage."""
    optuna.copy_study(
        from_study_name=STUDY,
        from_storage=open_to_read(url),
        to_storage=open_storage(to),
    )
    return to


def loaded(url: str, name: str = STUDY) -> optuna.Study:
    return optuna.load_study(study_name=name, storage=open_storage(url))


@pytest.fixture(params=["sqlite", "journal"])
def stored(request: pytest.FixtureRequest, searched: str, tmp_path: Path) -> str:
    """A finished search in a storage of each kind that is a file."""
    if request.param == "sqlite":
        return searched
    return copied(searched, f"{tmp_path}/studies.journal")


def detail(ask: Ask, app: Any, place: int = -1) -> dict[str, Any]:
    """What is said of a study, by its place in the list."""
    study = ask(app, "/api/studies").json["study_summaries"][place]
    answer = ask(app, f"/api/studies/{study['study_id']}", query="after=0")
    assert answer.status == "200 OK"
    said: dict[str, Any] = answer.json
    assert said["name"] == study["study_name"]
    return said | {"id": study["study_id"]}


def attributes(said: dict[str, Any]) -> dict[str, str]:
    return {attribute["key"]: attribute["value"] for attribute in said["user_attrs"]}


@pytest.mark.parametrize("writable", [False, True])
def test_the_list_says_what_was_found(stored: str, ask: Ask, writable: bool) -> None:
    app = application(stored, writable=writable)
    (study,) = ask(app, "/api/studies").json["study_summaries"]
    best = loaded(stored).trials[int(attributes(study)["chosen"].split()[1].rstrip(":"))].value
    assert study["study_name"] == f"{STUDY}: best {best:.4g}, 2 trials"
    assert not {name for name in attributes(study) if name.startswith((RECORD, "retrain"))}
    assert attributes(study)["trials"].endswith("complete, 0 pruned")


@pytest.mark.parametrize("writable", [False, True])
def test_a_study_is_there_to_be_read(stored: str, ask: Ask, writable: bool) -> None:
    app = application(stored, writable=writable)
    said = detail(ask, app)
    assert said["objective_names"] == ["validation loss"]
    assert said["note"]["body"].startswith("**validation loss ")
    assert "vrtune export" in said["note"]["body"]
    known = attributes(said)
    assert list(known)[:3] == ["chosen", "validation loss", "test accuracy"]
    assert known["task"] == "digits, softmax, 2 folds, 2 epochs, batches of 32, seed 1"
    assert all(len(value) < 120 for value in known.values())
    figures = [figure["id"] for figure in said["plotly_graph_objects"]]
    assert figures == ["cv-curves", "landscape", "train-loss-over-gradients"]
    for figure in said["plotly_graph_objects"]:
        drawn = json.loads(figure["graph_object"])
        assert drawn["data"]
        assert "<b>" in drawn["layout"]["title"]["text"]
    (best,) = said["best_trials"]
    assert known["chosen"].startswith(f"trial {best['number']}: lr=")


def test_a_trial_says_little(stored: str, ask: Ask) -> None:
    said = detail(ask, application(stored))
    chosen = said["trials"][said["best_trials"][0]["number"]]
    known = attributes(chosen)
    names = ["test accuracy", "train accuracy", "accuracy", "fold losses", "gradient computations"]
    assert [name for name in known if name in names] == names
    assert "config" not in known
    assert "worker" not in known
    assert all(len(value) < 40 for value in known.values())
    assert max(len(str(value)) for value in chosen["values"]) <= 8
    assert {"fold losses", "gradient computations"} <= set(known)
    columns = {column["key"]: column["sortable"] for column in said["union_user_attrs"]}
    assert columns["test accuracy"]
    assert not columns["fold losses"]


def test_nothing_is_written(stored: str, ask: Ask, tmp_path: Path) -> None:
    before = contents(tmp_path)
    app = application(stored)
    number = detail(ask, app)["id"]
    study = f"/api/studies/{number}"
    for path in (
        "/api/meta", "/api/studies", study, f"/csv/{number}", f"{study}/plot/slice",
        f"{study}/param_importances", "/dashboard", "/api/studies/7", f"/artifacts/{number}/abc",
    ):  # fmt: skip
        status = ask(app, path, query="after=0").status
        assert status == ("404 Not Found" if path[-1] in "7c" else "200 OK"), path
    for method, path, given in (  # past the guard, even
        ("DELETE", study, {}),
        ("POST", "/api/studies", {"study_name": "new", "directions": ["minimize"]}),
        ("POST", f"{study}/rename", {"study_name": "new"}),
        ("PUT", f"{study}/note", {"body": "x", "version": 1}),
        ("POST", "/api/trials/1/tell", {"state": "fail"}),
        ("POST", "/api/trials/1/user-attrs", {"user_attrs": {"a": 1}}),
    ):
        assert ask(app, path, method, given=given).status == "405 Method Not Allowed"
    assert contents(tmp_path) == before


def test_a_table_for_machines_has_all_digits(searched: str, ask: Ask) -> None:
    said = ask(application(searched), "/csv/1").body.decode()
    assert str(loaded(searched).trials[0].value) in said
    assert said.startswith("Number,State,validation loss,")


def test_writes_go_to_the_storage_itself(stored: str, ask: Ask) -> None:
    app = application(stored, writable=True)
    said = detail(ask, app)
    path = f"/api/studies/{said['id']}"
    note = {"body": "mine", "version": said["note"]["version"] + 1}
    assert ask(app, f"{path}/note", "PUT", given=note).json == {}
    assert detail(ask, app)["note"]["body"] == "mine"
    before = [trial.user_attrs for trial in loaded(stored).trials]
    done = ask(app, f"{path}/rename", "POST", given={"study_name": "named anew"})
    assert done.status == "201 Created"
    after = loaded(stored, "named anew")
    assert [trial.user_attrs for trial in after.trials] == before
    assert RECORD in after.user_attrs
    (study,) = ask(app, "/api/studies").json["study_summaries"]
    assert study["study_name"].startswith("named anew: best ")
    assert ask(app, f"/api/studies/{study['study_id']}", "DELETE").json == {}
    assert ask(app, "/api/studies").json == {"study_summaries": []}
    assert not open_to_read(stored).get_all_studies()


def test_a_note_is_renewed_until_it_is_somebodys(searched: str, ask: Ask) -> None:
    study = loaded(searched)
    write_note(study, searched)
    app = application(searched)
    first = detail(ask, app)["note"]
    study.add_trial(
        create_trial(
            state=TrialState.FAIL,
            params={"lr": 0.5},
            distributions={"lr": FloatDistribution(1e-5, 10, log=True)},
        )
    )
    second = detail(ask, app)["note"]
    assert (
        "values" not in detail(ask, application(searched))["trials"][2]
    )  # the page can't read null
    assert "1 failed" not in first["body"]
    assert "1 failed" in second["body"]
    assert second["version"] == first["version"]  # nothing was written


def test_others_studies_are_shown_as_they_are(tmp_path: Path, ask: Ask) -> None:
    url = f"{tmp_path}/a.db"
    study = optuna.create_study(study_name="s", storage=open_storage(url), direction="maximize")
    study.set_user_attr("confirm-1", [{"a": 1}])
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    study.ask().set_user_attr("config", {"a": 1})
    many = optuna.create_study(
        study_name="many", storage=open_storage(url), directions=["minimize", "maximize"]
    )
    with pytest.warns(ExperimentalWarning):
        many.set_metric_names(["a", "b"])
    many.add_trial(create_trial(values=[1.0, 2.0]))
    study.set_user_attr("kept", "text")
    app = application(url)
    first, second = ask(app, "/api/studies").json["study_summaries"]
    assert first["study_name"] == f"s: best {study.best_value:.4g}, 3 trials"
    assert second["study_name"] == "many: 1 trial"
    said = detail(ask, app, 0)
    assert attributes(said) == {"confirm-1": '[{"a": 1}]', "kept": "text"}
    assert attributes(said["trials"][2]) == {"config": '{"a": 1}'}
    assert not said["plotly_graph_objects"]
    assert "objective_names" not in said
    assert detail(ask, app, 1)["objective_names"] == ["a", "b"]


@pytest.mark.parametrize(
    "damage",
    [
        {RECORD: 3},
        {"retrain-0": {"trial": "x"}, "retrain-1": [], "confirm-0": 1, "diagnosis-1": "x"},
        {"search x": None, "searches": "x"},
    ],
)
def test_damaged_studies_are_shown(searched: str, ask: Ask, damage: dict[str, Any]) -> None:
    study = loaded(searched)
    for name, value in damage.items():
        study.set_user_attr(name, value)
    trial = study.ask()
    for name in ("fold_values", "fold_accuracies", "gradient_computations", "seconds", "diverged"):
        trial.set_user_attr(name, [None, "x", {}])
    trial.set_user_attr("fold_values", [None, float("inf"), 1])
    app = application(searched)
    assert detail(ask, app)["name"].endswith(", 3 trials")


def test_a_study_in_the_place_of_another(tmp_path: Path, ask: Ask) -> None:
    """SQLite gives its numbers, and those of its trials, to the next study."""
    url = f"{tmp_path}/a.db"
    app = None
    for name in ("first", "second"):
        study = optuna.create_study(study_name=name, storage=open_storage(url))
        study.set_user_attr(RECORD, {"id": name})
        study.add_trial(create_trial(value=1.0 if name == "first" else 2.0))
        app = app or application(url)
        said = detail(ask, app)
        assert said["id"] == 1
        assert said["name"].startswith(name)
        assert said["trials"][0]["values"] == study.trials[0].values
        optuna.delete_study(study_name=name, storage=open_storage(url))
    assert ask(app, "/api/studies").json == {"study_summaries": []}


def test_a_storage_that_goes_away(searched: str, ask: Ask, tmp_path: Path) -> None:
    app = application(searched)
    with closing(sqlite3.connect(tmp_path / "studies.db")) as connection:
        connection.execute("DROP TABLE studies")
        connection.commit()
    gone = ask(app, "/api/studies")
    assert gone.status == "503 Service Unavailable"
    assert gone.json["reason"].startswith("sqlite:///")


def test_there_must_be_a_storage(tmp_path: Path) -> None:
    for writable in (False, True):
        with pytest.raises(UsageError, match=r"there is no .*a\.db"):
            application(f"{tmp_path}/a.db", writable=writable)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def shut(searched: str, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A storage, and the same where nothing can be written."""
    shown = tmp_path / "shut"
    shown.mkdir()
    store = tmp_path / "store"
    store.mkdir()
    kept, copy = sqlite3.connect(tmp_path / "studies.db"), sqlite3.connect(store / "a.db")
    with closing(kept), closing(copy):
        kept.backup(copy)
    mounts = [["--bind", str(store), str(shown)], ["-o", "remount,ro,bind", str(shown)]]
    undo = partial(subprocess.run, ["umount", "-l", shown], capture_output=True)
    for args in mounts:
        if subprocess.run(["mount", *args], capture_output=True).returncode:
            undo()
            pytest.skip("only root may mount")
    yield f"{store}/a.db", f"{shown}/a.db"
    undo()


def test_where_nothing_can_be_written_others_writes_are_seen(
    shut: tuple[str, str], ask: Ask
) -> None:
    """A folder of somebody else's, on a disk that may be read only."""
    here, there = shut
    app = application(there)
    assert detail(ask, app)["objective_names"]
    optuna.create_study(study_name="new", storage=open_storage(here))
    names = [s["study_name"] for s in ask(app, "/api/studies").json["study_summaries"]]
    assert [name.partition(":")[0] for name in names] == [STUDY, "new"]


def test_artifacts_are_handed_out(searched: str, ask: Ask) -> None:
    app = application(searched)
    said = detail(ask, app)
    trial = said["trials"][0]
    assert {file["filename"] for file in trial["artifacts"]} >= {"config.json"}
    for file in trial["artifacts"]:
        answer = ask(app, f"/artifacts/1/{trial['trial_id']}/{file['artifact_id']}")
        assert answer.status == "200 OK"
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert answer.body
    assert ask(app, f"/artifacts/1/{trial['trial_id']}/abc").status == "404 Not Found"
    gone = said["trials"][1]
    for path in (Path(searched.removeprefix("sqlite:///")).parent / "studies/artifacts").rglob("*"):
        if path.is_file():
            path.unlink()
    lost = ask(app, f"/artifacts/1/{gone['trial_id']}/{gone['artifacts'][0]['artifact_id']}")
    assert lost.status.startswith("404")


def test_the_task_of_the_fixture_is_the_one_described(searched: str) -> None:
    assert loaded(searched).user_attrs[RECORD]["task"]["batch_size"] == Task().batch_size == 32


def test_a_program_that_knows_no_compression_gets_the_files(ask: Ask, searched: str) -> None:
    app = application(searched)
    assert ask(app, "/static/none", accept_encoding="").status.startswith("404")

    def without(environ: dict[str, Any], start: Any) -> Any:
        del environ["HTTP_ACCEPT_ENCODING"]
        return app(environ, start)

    assert ask(without, "/static/none").status.startswith("404")
