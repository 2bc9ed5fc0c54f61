"""Each sentence of SECURITY.md that begins with a dash is held by tests: here, or elsewhere."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import create_trial
from reference.exported import CONFIGS, exported
from typer.testing import CliRunner

from vrtune import load_config, spaces
from vrtune.cli.main import app
from vrtune.errors import UsageError, VrtuneError
from vrtune.exporting.formats import FORMATS
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_storage
from vrtune.studies.record import RECORD

ROOT = Path(__file__).parents[1]
TESTS = ROOT / "tests"
STUDY = "sgd-digits-softmax"

# By its first words, each sentence that SECURITY.md lists, and the tests that hold it.
HELD = {
    "A search space is code": ["test_a_space_is_run"],
    "So is what `FILE.py:NAME`": [
        "models/test_models_own.py::test_the_file_is_read_anew_when_it_has_changed",
        "objectives/test_objectives_objective.py::test_a_loss_of_ones_own",
        "objectives/test_objectives_objective.py::test_a_metric_of_ones_own",
        "data/test_data_own.py::test_every_form",
        "optimizers/test_optimizers_options.py::test_a_class_in_a_file_of_ones_own",
    ],
    "A name such as `sgd`": [
        "spaces/test_spaces_space.py::test_own_file_by_name_and_before_the_installed_one"
    ],
    "`vrtune list spaces` reads": ["test_a_list_runs_no_space"],
    "A program that `vrtune export`": [
        "exporting/test_exporting_strings.py::test_a_program_has_the_expected_statements_alone",
        "exporting/test_exporting_strings.py::test_a_foreign_study_runs_no_code",
    ],
    "A study is data": ["test_a_study_is_looked_at_and_nothing_runs"],
    "What trains a study's settings again": [
        "test_what_exports_a_setting_runs_the_users_own_files",
        "studies/test_studies_measured.py::test_a_study_names_no_file_of_others",
        "retraining/test_retraining_trials.py::test_a_file_of_another_user_is_not_run",
    ],
    "A model, loss or metric of a study": [
        "studies/test_studies_measured.py::test_an_own_model_may_move_but_not_change"
    ],
    "An exported setting is data": ["test_an_exported_setting_runs_nothing"],
    "Nothing is unpickled": [
        "test_no_file_unpickles",
        "data/test_data_npz.py::test_refused_at_once",
        "exporting/test_exporting_reading.py::test_what_no_export_is",
    ],
    "Redis is refused": ["storages/test_storages_urls.py::test_redis_is_refused_for_what_it_does"],
    "A checkpoint that is damaged": [
        "fuzz/test_fuzz_checkpoints.py::test_damaged_files",
        "fuzz/test_fuzz_checkpoints.py::test_files_of_others",
    ],
    "An image is read by the formats": [
        "data/test_data_pictures.py::test_another_format_than_the_ending_says",
        "data/test_data_pictures.py::test_text_that_swells",
        "data/test_data_pictures.py::test_too_large_an_image_is_named",
    ],
    "The name of a study leads": [
        "given/test_given_names.py::test_a_foreign_name_leads_nowhere_else",
        "given/test_given_files.py::test_no_database_is_written_over",
    ],
    "Names, and whatever else": [
        "cli/test_cli_list.py::test_no_name_drives_the_terminal",
        "reporting/test_reporting_markup.py::test_text_is_no_markup_and_ends_no_attribute",
        "reporting/test_reporting_page.py::test_foreign_names_are_no_markup",
        "dashboard/test_dashboard_drawn.py::test_texts_of_others_are_no_html",
    ],
    "No output shows the password": [
        "storages/test_storages_secrets.py::test_no_error_of_a_storage_names_it",
        "storages/test_storages_secrets.py::test_a_traceback_shows_nothing_of_it",
    ],
    "The dashboard asks for a token": [
        "dashboard/test_dashboard_guard.py::test_nobody_else_gets_in",
        "dashboard/test_dashboard_guard.py::test_only_its_own_pages_change_anything",
        "dashboard/test_dashboard_guard.py::test_nothing_is_changed_unless_it_is_wished",
    ],
    "At an address that other machines reach": [
        "cli/test_cli_dashboard.py::test_other_machines_need_a_token"
    ],
    "A proxy asks for no password": ["test_a_proxy_serves_this_machine_unless_told_otherwise"],
    "Training data go to": [
        "searching/test_searching_handover.py::test_no_file_can_be_left_behind"
    ],
    "The folder of Slurm's jobs": ["test_the_folder_of_jobs_is_its_owners"],
    "A Ray cluster of this machine": ["test_ray_starts_without_its_dashboard"],
    "A page that `vrtune report`": [
        "reporting/test_reporting_page.py::test_plotly_is_there_once_and_nothing_is_fetched",
        "reporting/test_reporting_page.py::test_the_policy_allows_the_two_programs_alone",
    ],
    "Connections go to": ["test_who_opens_connections"],
}


@cache
def package() -> dict[str, ast.Module]:
    """The trees of vrtune's own files."""
    home = ROOT / "vrtune"
    return {
        str(path.relative_to(home)): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(home.rglob("*.py"))
    }


def sentences() -> list[str]:
    """Those that SECURITY.md lists."""
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    items = re.findall(r"^- (.*?)(?=\n- |\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return [" ".join(item.split()) for item in items]


def test_each_sentence_is_one_and_has_its_tests() -> None:
    said = sentences()
    assert len(said) == len(HELD)
    for sentence, begin in zip(said, HELD, strict=True):
        assert sentence.startswith(begin)
        assert sentence.endswith(".")
        assert not re.search(r"\. [A-Z]", sentence), "two sentences"


@pytest.mark.parametrize("named", sorted({name for names in HELD.values() for name in names}))
def test_each_test_is_there(named: str) -> None:
    file, _, name = named.rpartition("::")
    tree = ast.parse((TESTS / (file or Path(__file__).name)).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


# ---- code ----------------------------------------------------------------------------------------


@pytest.fixture
def traces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a space, traces.py, that leaves a file `ran` when it is run."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "search_spaces"
    folder.mkdir()
    (folder / "traces.py").write_text(
        f'"""It ran."""\nopen({str(tmp_path / "ran")!r}, "w").close()\ndef suggest(trial): ...\n'
    )
    return folder / "traces.py"


def ran() -> bool:
    return Path("ran").exists()


def invoke(*args: str) -> Any:
    return CliRunner().invoke(app, list(args), prog_name="vrtune")


def test_a_space_is_run(traces: Path) -> None:
    spaces.load(traces)
    assert ran()


def test_a_list_runs_no_space(traces: Path) -> None:
    assert "It ran." in invoke("list", "spaces").stdout
    assert not ran()


# ---- data ----------------------------------------------------------------------------------------


@pytest.fixture
def foreign(found: tuple[SearchResult, str], traces: Path, tmp_path: Path) -> str:
    """The URL of a study that names traces.py wherever it can, with a unit of that file."""
    url = f"sqlite:///{tmp_path}/studies.db"
    optuna.copy_study(from_study_name=STUDY, from_storage=found[1], to_storage=open_storage(url))
    study = optuna.load_study(study_name=STUDY, storage=open_storage(url))
    kept = study.user_attrs[RECORD]
    named = {role: f"{traces}:{role}" for role in ("model", "loss", "metric")}
    study.set_user_attr(
        RECORD, {**kept, "sources": [str(traces)], "task": {**kept["task"], **named}}
    )
    best = study.best_trial
    config = {**best.user_attrs["config"], "estimator": {"kind": "traces"}}
    attributes = {**best.user_attrs, "config": config}
    study.add_trial(create_trial(value=0.0, user_attrs=attributes))
    return url


def test_a_study_is_looked_at_and_nothing_runs(foreign: str) -> None:
    for args in (
        ("show", STUDY),
        ("show", STUDY, "--json"),
        ("list", "studies"),
        ("compare", STUDY),
        ("report", STUDY),
        ("export", STUDY, "--format", "csv"),
        ("delete", STUDY, "--yes"),
    ):
        done = invoke(*args, "--storage", foreign)
        assert done.exit_code == 0, done.output
        assert not ran(), args


def test_what_exports_a_setting_runs_the_users_own_files(
    foreign: str, traces: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("export", STUDY, "--trial", "2", "--storage", foreign)
    if os.geteuid() == 0:  # root's files are the system's
        os.chown(traces, 1, -1)
    with monkeypatch.context() as patch:
        patch.setattr("os.getuid", lambda: traces.stat().st_uid + 1)
        assert "is another user's" in invoke(*asked).stderr
        assert not ran()
        patch.setattr("os.getuid", lambda: traces.stat().st_uid)
        assert invoke(*asked).exit_code == 2  # it has no such unit
        assert ran()


def test_an_exported_setting_runs_nothing(traces: Path) -> None:
    own = exported(CONFIGS[0], units={"traces": f"{traces}.Traces", "x": "search_spaces.traces.X"})
    text = FORMATS["yaml"](own).replace("kind: sgd", "kind: traces")
    assert "kind: traces" in text
    for more in ("", "\nx: !!python/object/apply:os.mkdir [ran]", "\nx: !!python/name:os.mkdir"):
        Path("trial.yaml").write_text(text + more)
        with pytest.raises(UsageError):
            load_config("trial.yaml")
        assert not ran()
    Path("trial.yaml").write_text(text)
    with pytest.raises(VrtuneError):
        load_config("trial.yaml", units=traces)
    assert ran()


def test_no_file_unpickles() -> None:
    """Nor does PyTorch, which reads tensors alone unless it is told otherwise."""
    modules = {"pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    loaders = {"allow_pickle", "weights_only"}
    for path, tree in package().items():
        assert not modules & imports(tree), path
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg in loaders:
                assert ast.unparse(node) in ("allow_pickle=False", "weights_only=True"), path
            if isinstance(node, ast.Attribute) and node.attr == "load":
                asked = ast.unparse(node)
                assert asked != "np.load", path
                assert asked != "yaml.load" or path == "exporting/reading.py", path


# ---- others --------------------------------------------------------------------------------------


def imports(tree: ast.AST) -> set[str]:
    """The first words of what is imported."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).partition(".")[0])
    return found


def test_who_opens_connections() -> None:
    """Of vrtune's own files; storages do by SQLAlchemy's drivers, data sets by torchvision."""
    network = {"socket", "requests", "httpx", "aiohttp", "ftplib", "smtplib", "grpc", "http"}
    users = {path for path, tree in package().items() if network & imports(tree)}
    assert users <= {
        "data/downloads.py",  # how long torchvision waits
        "dashboard/serving.py",
        "engines/ray.py",  # whether a cluster answers
        "storages/proxied.py",
        "storages/proxy.py",
        "studies/alive.py",  # this machine's own name
    }
    for path in package():
        assert "urllib.request" not in (ROOT / "vrtune" / path).read_text(encoding="utf-8"), path


def test_a_proxy_serves_this_machine_unless_told_otherwise() -> None:
    from vrtune.cli.proxy import HERE, proxy

    assert proxy.__defaults__ is not None
    assert HERE in proxy.__defaults__
    assert HERE == "127.0.0.1"
    help_ = " ".join(invoke("proxy", "-h").stdout.split())
    assert "Nobody is asked for a password" in help_


def test_the_folder_of_jobs_is_its_owners(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vrtune.engines import slurm
    from vrtune.engines.base import Share

    monkeypatch.setattr(slurm, "_package", lambda: None)
    monkeypatch.setattr(slurm.SlurmJobs, "_executor", lambda *_: None)
    monkeypatch.setattr(slurm.SlurmJobs, "_submit", lambda *_: [])
    jobs = slurm.SlurmJobs("local", Share(cpus=1, gpus=0), tmp_path)
    jobs.start(lambda: None, 1)  # type: ignore[arg-type]
    assert jobs.folder is not None
    assert jobs.folder.stat().st_mode & 0o777 == 0o700


def test_ray_starts_without_its_dashboard() -> None:
    text = (ROOT / "vrtune/engines/ray.py").read_text(encoding="utf-8")
    assert 'given["include_dashboard"] = False' in text
