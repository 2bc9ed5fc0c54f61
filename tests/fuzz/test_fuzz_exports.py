"""Exports: read back as they were written, and what is no export is refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml
from fuzzing import TEXT, check_sentence, damaged, fuzzed, mutated, one_sentence
from hypothesis import strategies as st
from pydantic import ValidationError
from reference.exported import CONFIGS, exported

from vrtune import TrialConfig, load_config
from vrtune.errors import UsageError
from vrtune.exporting.formats import FORMATS

BEFORE = exported(CONFIGS[0])
TEXTS = {format: FORMATS[format](BEFORE) for format in ("json", "yaml", "toml")}
DATA = json.loads(TEXTS["json"])
WRITERS: dict[str, Callable[[Any], str]] = {
    "json": json.dumps,
    "yaml": yaml.dump,
    "toml": tomli_w.dumps,
}
FORMAT = st.sampled_from(sorted(TEXTS))
CONFIG = st.sampled_from([config.model_dump(mode="json") for config in CONFIGS])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("exports")


def ask(path: Path, data: bytes) -> None:
    """Reads a file, or is told in a sentence why not."""
    path.write_bytes(data)
    with one_sentence():
        load_config(path)


@fuzzed(450, format=FORMAT, data=mutated(DATA))
def test_other_values(format: str, data: Any, folder: Path) -> None:
    with suppress(TypeError, ValueError, UnicodeError, yaml.YAMLError):  # no such file can be
        ask(folder / f"trial.{format}", WRITERS[format](data).encode())


@fuzzed(
    450,
    given=FORMAT.flatmap(
        lambda format: st.tuples(st.just(format), damaged(TEXTS[format].encode()))
    ),
)
def test_damaged_files(given: tuple[str, bytes], folder: Path) -> None:
    format, data = given
    ask(folder / f"trial.{format}", data)


@fuzzed(
    150, ending=FORMAT, data=st.binary(max_size=60) | TEXT.map(lambda t: t.encode(errors="replace"))
)
def test_anything(ending: str, data: bytes, folder: Path) -> None:
    ask(folder / f"trial.{ending}", data)


@fuzzed(200, path=TEXT, ending=st.sampled_from(["", *TEXTS, "py"]))
def test_any_path(path: str, ending: str) -> None:
    with one_sentence():
        load_config(f"{path}.{ending}")


@fuzzed(350, given=CONFIG.flatmap(mutated))
def test_what_is_written_is_read(given: Any, folder: Path) -> None:
    """Of any setting that a trial can have, in every format."""
    try:
        before = exported(TrialConfig.model_validate(given))
    except ValidationError:
        return
    for format, write in FORMATS.items():
        try:
            text = write(before)
        except UsageError as error:
            check_sentence(str(error))
            continue
        if format in TEXTS:
            path = folder / f"trial.{format}"
            path.write_text(text, encoding="utf-8")
            assert load_config(path) == before
        elif format == "python":
            compile(text, "train.py", "exec")
        else:
            assert yaml.safe_load(text)
