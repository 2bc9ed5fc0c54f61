"""Configuration files as shells and editors leave them; what is wrong with one is one sentence."""

from __future__ import annotations

import codecs
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference.exported import CONFIGS, exported

from vrtune import export, load_config
from vrtune.errors import UsageError
from vrtune.exporting.formats import FORMATS

BEFORE = exported(CONFIGS[0])
TEXTS = {format: FORMATS[format](BEFORE) for format in ("json", "yaml", "toml")}

every_format = pytest.mark.parametrize("format", TEXTS)


@every_format
@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (b"", "utf-16-le"),
    ],
)
def test_any_unicode_is_read(format: str, mark: bytes, encoding: str, tmp_path: Path) -> None:
    """PowerShell's > writes UTF-16."""
    path = tmp_path / f"trial.{format.upper()}"
    path.write_bytes(mark + TEXTS[format].replace("\n", "\r\n").encode(encoding))
    assert load_config(path) == BEFORE


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d["config"]["optimizer"].update(kind=[1]), "is no optimizer"),
        (lambda d: d["config"]["optimizer"].update(kind={}), "is no optimizer"),
        (lambda d: d["config"]["optimizer"].update(lr="x" * 100_000), "config.optimizer.lr"),
        (lambda d: d.update({"x" * 100_000: 1}), "Extra inputs"),
        (lambda d: d.update(schema_version=[1] * 1000), "schema_version [1, 1,"),
        (lambda d: d.update(x=json.loads("[" * 900 + "]" * 900)), "x: Extra inputs"),
        (lambda d: d["provenance"].update(units=[1]), "provenance.units"),
    ],
)
def test_odd_values_are_told_briefly(change: Change, says: str, tmp_path: Path) -> None:
    document = json.loads(TEXTS["json"])
    change(document)
    path = tmp_path / "trial.json"
    path.write_text(json.dumps(document))
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500


BOMB = "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(60))


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("a.yaml", "[" * 3000, "nested too deeply"),
        ("a.toml", "a = " + "[" * 3000, "nested too deeply"),
        ("a.json", '{"a": ' + "1" * 10_000 + "}", "Exceeds the limit"),
        ("a.json", '{"a": 1, "a": 2}', "'a' is there twice"),
        ("a.yaml", "a: 1\na: 2", "'a' is there twice"),
        ("a.toml", "a = 1\na = 2", "is no toml"),
        ("a.json", '{"a": NaN}', "NaN is no number in JSON"),
        ("a.yaml", "2020-01-01: 2020-13-45", "2020-01-01: Extra inputs"),
        ("a.yaml", "a: !!timestamp x", "is no yaml"),
        ("a.yaml", "a: !!int ''", "is no yaml"),
        ("a.yaml", "a: !!python/object:os.system x", "is no yaml"),
        ("a.yaml", BOMB, "aliases (*name) are not read"),
        ("a.yaml", "? [1]\n: 2", "Extra inputs"),
        ("a.json", "", "is no json"),
        ("a.json", "\0", "is no json"),
        ("a.json", b'"\xe9"', "byte 1 is no utf-8"),
        ("a.toml", b" " * 10_000_001, "more than 10,000,000 bytes"),
    ],
)
def test_what_no_export_is(name: str, text: str | bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / name)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    os.mkfifo(tmp_path / "pipe.json")
    for path, says in (
        (tmp_path / "folder.json", "is a folder"),
        (tmp_path / "pipe.json", "no ordinary file"),
        (None, "give a path"),
        (3, "give a path"),
    ):
        with pytest.raises(UsageError, match=says):
            load_config(path)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "given", [{"trial": "3"}, {"trial": True}, {"format": None}, {"format": []}, {"storage": 3}]
)
def test_arguments_of_another_type_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"^{next(iter(given))}: "):
        export("s", **given)


TOKENS = (
    "",
    "[",
    "{",
    '"',
    "'",
    ":",
    "\n",
    "\0",
    "é",
    "nan",
    "null",
    "9" * 400,
    "- ",
    "&a",
    "*a",
    "#",
)


@every_format
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(TOKENS)),
        min_size=1,
        max_size=3,
    )
)
def test_any_change_reads_or_is_refused(
    format: str, tmp_path: Path, changes: list[tuple[float, int, str]]
) -> None:
    text = TEXTS[format]
    for where, length, token in changes:
        at = int(where * len(text))
        text = text[:at] + token + text[at + length :]
    path = tmp_path / f"trial.{format}"
    path.write_text(text, encoding="utf-8")
    said = ""
    try:
        load_config(path)
    except UsageError as error:
        said = str(error)
    assert "\n" not in said
    assert len(said) < 1500
