"""The settings of a search: their bounds, and that what is known in two places is the same."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import get_args

import pytest

from vrtune import search
from vrtune.config import JOURNALS
from vrtune.errors import UsageError
from vrtune.lanes import plan
from vrtune.searching import settings
from vrtune.searching.job import Job
from vrtune.searching.settings import SearchSettings
from vrtune.storages.opening import DEFAULT_URL, open_storage
from vrtune.studies.pruners import PRUNERS
from vrtune.studies.samplers import SAMPLERS

REFUSED = [
    ("study", "../out", "give a name without /"),
    ("study", "", "give a name without /"),
    ("study", "..", "give a name without /"),
    ("timeout", math.nan, "finite number"),
    ("timeout", 0, "greater than 0"),
    ("trials", 0, "greater than 0"),
    ("study", " ", "give a name without /"),
    ("study", "n" * 256, "at most 255 bytes"),
    ("study", "a\0b", "can be printed"),
    ("study", "\x1b[31m", "can be printed"),
    ("study", "caf\udce9", "can be printed"),
    ("study", 3, "valid string"),
    ("trials", True, "give a number or a word"),
    ("retrain", False, "give a number or a word"),
    ("edited_space", "maybe", "'refuse' or 'accept'"),
    ("data_dir", 3, "give a path"),
    ("data_dir", "a\0b", "without the character NUL"),
    ("data_dir", "caf\udce9", "in UTF-8"),
    ("data_dir", "/n" * 3000, "give a shorter path"),
    ("device", "tpu", "choose auto, cpu, cuda, cuda:N or mps"),
    ("fuse", "maybe", "'auto', 'on' or 'off'"),
    ("validate_at", "never", "'epochs' or 'rungs'"),
    ("sampler", "cma", "'tpe', 'random', 'qmc', 'gp' or 'grid'"),
    ("pruner", "axe", "'median', 'percentile', 'hyperband', 'halving' or 'none'"),
    ("jobs", 0, "give a whole number above 0, or auto"),
    ("open", 0, "give a whole number above 0, or auto"),
    ("lanes", "many", "give a whole number above 0, or auto"),
    ("retrain", -1, "greater than or equal to 0"),
    ("retrain_seeds", 0, "greater than or equal to 1"),
]


@pytest.mark.parametrize(("name", "value", "said"), REFUSED)
def test_a_wrong_setting_is_named_and_writes_nothing(
    name: str, value: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as error:
        search("sgd", **{name: value})
    assert str(error.value).startswith(f"{name}: ")
    assert said in str(error.value)
    assert f"(got {value!r}"[:60] in str(error.value)
    assert ";" not in str(error.value), "one sentence"
    assert not list(tmp_path.iterdir())


def test_what_is_wrong_with_several_settings_shows_no_password() -> None:
    with pytest.raises(UsageError, match="say how many") as error:
        SearchSettings.read({"storage": "postgresql://u:secret@h/db", "ray": "auto"})
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("trails", "did you mean trials?"),
        ("retrain_seed", "did you mean retrain_seeds?"),
        ("epochs", r"did you mean that of the task, Task\(epochs=...\)\?"),
        ("batchsize", r"did you mean that of the task, Task\(batch_size=...\)\?"),
        ("x", "choose from trials, budget, timeout, "),
    ],
)
def test_a_misspelt_setting_is_told_what_it_may_have_been(name: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"a search has no setting '{name}': {said}"):
        search("sgd", **{name: 3})


def test_text_is_read_as_what_it_says() -> None:
    """As the command line gives it."""
    text = {name: str(value) for name, value in SearchSettings() if value is not None}
    assert SearchSettings.read(text) == SearchSettings()
    given = SearchSettings.read({"jobs": "2", "trials": "7", "timeout": "1e3", "study": None})
    assert (given.jobs, given.trials, given.timeout, given.study) == (2, 7, 1000.0, None)


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (Path("studies.db"), "sqlite:///studies.db"),
        (Path("/tmp/mine.sqlite"), "sqlite:////tmp/mine.sqlite"),
        (Path("studies.journal"), "studies.journal"),
        (Path("studies.log"), "studies.log"),
        ("studies.db", "studies.db"),  # for open_storage to refuse
    ],
)
def test_a_storage_is_a_url_or_a_path(given: str | Path, url: str) -> None:
    assert SearchSettings.read({"storage": given}).storage == url


@pytest.mark.parametrize("name", ["studies.db", *(f"studies{end}" for end in JOURNALS)])
def test_a_path_can_be_opened(tmp_path: Path, name: str) -> None:
    open_storage(SearchSettings(storage=tmp_path / name).storage)  # type: ignore[arg-type]
    assert (tmp_path / name).exists()


def test_names_are_those_of_what_they_choose() -> None:
    """The settings import none of these, as they are read for `vrtune search -h`."""
    assert get_args(settings.Sampler) == tuple(SAMPLERS)
    assert get_args(settings.Pruner) == tuple(PRUNERS)
    assert get_args(settings.Fuse) == get_args(plan.Fuse)
    assert get_args(settings.Validate) == get_args(Job.model_fields["validate_at"].annotation)
    assert SearchSettings().storage == DEFAULT_URL


def test_every_setting_is_described_and_shown_as_an_argument() -> None:
    shown = inspect.signature(search).parameters
    assert list(shown)[:2] == ["space", "task"]
    assert "settings" not in shown
    for name, field in SearchSettings.model_fields.items():
        assert shown[name].default == field.default
        assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert field.description
        assert f"{name}: {field.description}" in str(search.__doc__)
