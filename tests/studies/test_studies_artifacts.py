"""Files of trials for the dashboard: where they lie, what stands in their way, whose they are."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from uuid import uuid4

import optuna
import pytest
from optuna.artifacts import get_all_artifact_meta
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import TrialState

from vrtune.errors import UsageError
from vrtune.storages.faults import StorageFault
from vrtune.storages.opening import open_storage
from vrtune.studies import artifacts
from vrtune.studies.artifacts import Artifacts, artifact_folder, own_artifacts, remove_artifacts

FILES = {"folds.csv": b"epoch,loss\n1,0.5\n", "config.json": b"{}\n"}

ID = "5dcfa101-801d-47c4-b478-e726d34552e9"  # as Optuna names files


def study_in(url: str, name: str = "s") -> optuna.Study:
    return optuna.create_study(study_name=name, storage=open_storage(url), load_if_exists=True)


def kept_in(url: str, name: str = "s", trials: int = 1) -> optuna.Study:
    """A study whose trials have files."""
    study, store = study_in(url, name), Artifacts(url)
    for _ in range(trials):
        trial = study.ask()
        store.keep(trial, FILES)
        study.tell(trial, 1.0)
    assert not store.fault
    return study


def names(url: str) -> set[str]:
    folder = artifact_folder(url)
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


# ---- where -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "folder"),
    [
        ("sqlite:///studies.db", "studies/artifacts/studies.db"),
        ("runs/a.journal", "runs/studies/artifacts/a.journal"),
        ("/data/a.db", "/data/studies/artifacts/a.db"),
        ("sqlite:////data/a.db?timeout=3", "/data/studies/artifacts/a.db"),
        ("postgresql://u:secret@host/lab?sslmode=require", "studies/artifacts/lab"),
        ("postgresql://host", "studies/artifacts/database"),
        ("postgresql://host/..", "studies/artifacts/"),
    ],
)
def test_the_folder_is_known_by_the_url_alone(
    url: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = artifact_folder(url).as_posix()
    assert found.startswith(folder)
    assert ".." not in found
    assert not list(tmp_path.iterdir()), "nothing is made"


def test_a_link_to_a_file_has_its_artifacts(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "a.db")
    assert artifact_folder(f"{tmp_path}/link.db") == artifact_folder(f"{tmp_path}/a.db")


def test_no_storage_has_no_folder() -> None:
    with pytest.raises(UsageError):
        artifact_folder("nonsense")


# ---- keeping -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.db", "a.journal"])
def test_files_are_kept_as_the_dashboard_wants_them(tmp_path: Path, name: str) -> None:
    url = str(tmp_path / name)
    study = kept_in(url)
    (trial,) = study.get_trials()
    found = get_all_artifact_meta(trial, storage=study._storage)
    assert {meta.filename: meta.mimetype for meta in found} == {
        "folds.csv": "text/csv",
        "config.json": "application/json",
    }
    for meta in found:
        assert (artifact_folder(url) / meta.artifact_id).read_bytes() == FILES[meta.filename]
    assert names(url) == {meta.artifact_id for meta in found}, "nothing else is left"


def test_a_file_in_the_way_is_told_once_and_nothing_is_kept(url: str, tmp_path: Path) -> None:
    (tmp_path / "studies").write_text("")
    study, store = study_in(url), Artifacts(url)
    for _ in range(2):
        trial = study.ask()
        store.keep(trial, FILES)
        study.tell(trial, 1.0)
    assert "studies.db can't be written (Not a directory)" in store.fault
    assert not any("artifacts" in name for t in study.trials for name in t.system_attrs)


def test_a_disk_without_room_is_met_before_the_study_knows(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    study, store = study_in(url), Artifacts(url)
    monkeypatch.setattr(Path, "write_bytes", full)
    trial = study.ask()
    store.keep(trial, FILES)
    study.tell(trial, 1.0)
    assert "No space left" in store.fault
    assert not own_artifacts(study)
    assert not names(url)


def test_a_storage_that_fails_is_no_fault_of_the_folder(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, store = study_in(url), Artifacts(url)

    def fails(**_: object) -> str:
        raise StorageFault("the storage is away")

    monkeypatch.setattr(artifacts, "upload_artifact", fails)
    with pytest.raises(StorageFault):
        store.keep(study.ask(), FILES)
    assert not store.fault


def test_a_trial_that_others_ended_gets_none(url: str) -> None:
    study, store = study_in(url), Artifacts(url)
    trial = study.ask()
    study_in(url).tell(trial.number, state=TrialState.FAIL)
    with pytest.raises(UpdateFinishedTrialError):
        store.keep(trial, FILES)
    assert not names(url)
    assert not store.fault


# ---- removing ----------------------------------------------------------------------------------


def test_a_study_s_files_go_and_no_other_s(url: str) -> None:
    one, other = kept_in(url, "one", trials=2), kept_in(url, "other")
    (artifact_folder(url) / "mine.txt").write_text("")
    gone = own_artifacts(one)
    assert len(gone) == 4
    assert remove_artifacts(gone, url) == ""
    assert names(url) == own_artifacts(other) | {"mine.txt"}
    assert remove_artifacts(gone, url) == "", "the dashboard may have removed them"


def test_the_files_of_a_copied_study_stay(url: str) -> None:
    one = kept_in(url, "one")
    optuna.copy_study(
        from_study_name="one", from_storage=one._storage, to_storage=one._storage,
        to_study_name="copy",
    )  # fmt: skip
    assert own_artifacts(one) == set()
    optuna.delete_study(study_name="copy", storage=one._storage)
    assert own_artifacts(one) == names(url)


def test_the_copy_of_a_database_has_none_of_its_files(tmp_path: Path) -> None:
    url = f"{tmp_path}/a.journal"
    kept_in(url)
    shutil.copy(tmp_path / "a.journal", tmp_path / "copy.journal")
    copy = f"{tmp_path}/copy.journal"
    assert remove_artifacts(own_artifacts(study_in(copy)), copy) == ""
    assert len(names(url)) == 2


def test_files_that_were_added_in_the_dashboard_go_too(url: str) -> None:
    study, own = kept_in(url), str(uuid4())
    (artifact_folder(url) / own).write_text("a picture")
    meta = json.dumps({"artifact_id": own, "filename": "a.png"})
    study._storage.set_study_system_attr(study._study_id, f"artifacts:{own}", meta)
    older = str(uuid4())
    study._storage.set_study_system_attr(study._study_id, f"dashboard:artifacts:1:{older}", "null")
    assert {own, older} < own_artifacts(study)
    assert remove_artifacts(own_artifacts(study), url) == ""
    assert not names(url)


@pytest.mark.parametrize("name", ["../../mine.txt", "/etc/passwd", ".", "mine.txt", f"{ID}/x"])
def test_a_foreign_name_leads_to_no_other_file(url: str, name: str) -> None:
    study = kept_in(url)
    study._storage.set_study_system_attr(study._study_id, f"artifacts:{name}", "{}")
    assert own_artifacts(study) == names(url)


def test_what_can_not_be_removed_is_told(url: str) -> None:
    study = kept_in(url)
    first = sorted(names(url))[0]
    (artifact_folder(url) / first).unlink()
    (artifact_folder(url) / first / "inner").mkdir(parents=True)
    assert remove_artifacts(own_artifacts(study), url)
    assert names(url) == {first}
