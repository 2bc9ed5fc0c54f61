"""The folder of a study's results: beside its storage, and never that of another study."""

from __future__ import annotations

import shutil
from pathlib import Path

import optuna
import pytest

from vrtune.config import Task
from vrtune.errors import VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.studies.folders import MARK, check_results_folder, results_folder
from vrtune.studies.record import RECORD, StudyRecord, open_study

NOW = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Not the folder that the storages lie in."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def made(url: str, name: str = "s") -> optuna.Study:
    return open_study(open_storage(url), name, NOW)


@pytest.mark.parametrize("name", ["sqlite:///{}/x.db", "{}/x.journal", "{}/x.log"])
def test_it_lies_beside_the_storage(name: str, here: Path) -> None:
    url = name.format(here / "runs")
    study = made(url)
    folder = results_folder(study, url)
    assert folder == here / "runs" / "studies" / "s"
    assert results_folder(study, url) == folder
    assert [path.name for path in folder.iterdir()] == [MARK]


def test_two_databases_with_a_study_of_one_name(here: Path) -> None:
    urls = [f"sqlite:///{here}/{name}.db" for name in "ab"]
    studies = [made(url) for url in urls]
    first, second = (results_folder(s, url) for s, url in zip(studies, urls, strict=True))
    assert first.name == "s"
    assert second.name.startswith("s-")
    assert second.parent == first.parent
    for study, url, folder in zip(studies, urls, (first, second), strict=True):
        assert results_folder(study, url) == folder


def test_the_copy_of_a_database_is_another_one(here: Path) -> None:
    url = f"sqlite:///{here}/a.db"
    study = made(url)
    study._storage.remove_session()
    study._storage._backend.engine.dispose()
    shutil.copy(here / "a.db", here / "copy.db")
    copied = f"sqlite:///{here}/copy.db"
    assert results_folder(study, url) != results_folder(made(copied), copied)


def test_the_copy_of_a_servers_database_is_another_one(here: Path) -> None:
    url = f"sqlite:///{here}/a.db"
    study = made(url)
    folders = [
        results_folder(study, f"postgresql://{where}")
        for where in ("u:secret@host/one", "host:5432/one?sslmode=require", "u@host/two")
    ]
    assert folders[0] == folders[1]
    assert folders[0].name == "s"
    assert folders[2].name.startswith("s-")


def test_a_study_made_anew_leaves_the_results_of_the_deleted_one(here: Path) -> None:
    url = f"sqlite:///{here}/a.db"
    before = results_folder(made(url), url)
    optuna.delete_study(study_name="s", storage=open_storage(url))
    assert results_folder(made(url), url) != before


def test_a_folder_without_a_mark_is_taken_as_the_study_s(here: Path) -> None:
    (here / "studies" / "s" / "trial-0").mkdir(parents=True)
    url = f"sqlite:///{here}/a.db"
    assert results_folder(made(url), url).name == "s"


@pytest.mark.parametrize("mark", ["", "{", "[]", "{}", '{"owner": 3}', "\xff"])
def test_a_damaged_mark_is_another_s(mark: str, here: Path) -> None:
    (here / "studies" / "s").mkdir(parents=True)
    (here / "studies" / "s" / MARK).write_text(mark, encoding="latin-1")
    url = f"sqlite:///{here}/a.db"
    assert results_folder(made(url), url).name != "s"


def test_the_study_of_an_older_vrtune_keeps_its_folder(here: Path) -> None:
    url = f"sqlite:///{here}/a.db"
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    study.set_user_attr(RECORD, NOW.model_dump(mode="json", exclude={"id"}))
    folder = results_folder(study, url)
    assert results_folder(open_study(open_storage(url), "s", NOW), url) == folder


@pytest.mark.parametrize("name", ["../../x", "a/b", "/etc", "..", "\x1b[31m", "n" * 300])
def test_a_foreign_name_leads_nowhere_else(name: str, here: Path) -> None:
    url = f"sqlite:///{here}/a.db"
    study = optuna.create_study(study_name=name, storage=open_storage(url))
    study.set_user_attr(RECORD, NOW.model_dump(mode="json"))
    assert results_folder(study, url).resolve().parent == here / "studies"


# ---- before anything is trained ----------------------------------------------------------------


def test_nothing_is_written_to_see_whether_it_can_be(here: Path) -> None:
    check_results_folder("s", f"sqlite:///{here}/runs/x.db", "cure")
    assert not list((here / "runs").iterdir())


@pytest.mark.parametrize("file", ["studies", "studies/s"])
def test_a_file_in_the_way_is_told(file: str, here: Path) -> None:
    (here / file).parent.mkdir(exist_ok=True)
    (here / file).write_text("")
    with pytest.raises(VrtuneError, match=r"studies/s can't be written \(Not a dir.*: the cure"):
        check_results_folder("s", f"sqlite:///{here}/x.db", "the cure")


def test_a_link_to_nowhere_is_told(here: Path) -> None:
    (here / "studies").symlink_to(here / "gone")
    with pytest.raises(VrtuneError, match="No such file"):
        check_results_folder("s", f"sqlite:///{here}/x.db", "cure")
