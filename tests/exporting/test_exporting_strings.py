"""What a study or a user named is data in every format: it becomes no code, comment or key."""

from __future__ import annotations

import ast
import io
import json
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from reference.exported import CONFIGS, exported
from reference.small_search import TASK

from vrtune import export, load_config, search
from vrtune.errors import UsageError
from vrtune.exporting.code import comment, literal
from vrtune.exporting.formats import FORMATS
from vrtune.exporting.record import ExportedTrial
from vrtune.storages.opening import open_storage
from vrtune.studies.record import RECORD, load_study

ENDS = "\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\0\ud800\udfff'\"\\#{}$`\x1b\u202e\ufeff"
TEXT = st.text(st.one_of(st.sampled_from(ENDS), st.characters()), max_size=30)
CODE = '0"""\nimport os; os.system("echo INJECTED")\n#'
ENCODING = "x coding: utf-7 +AAo-raise SystemExit(3)"

any_text = settings(
    max_examples=50,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def full_of(
    text: str, whole: Callable[[ExportedTrial], ExportedTrial], **changes: str
) -> ExportedTrial:
    """An export whose every free text is this one."""
    task = TASK.model_copy(update={"dataset": text, "limit": None, **changes})
    before = whole(exported(CONFIGS[0], task))
    names = ("study", "space", "storage", "data_fingerprint", "commit", "vrtune", "torch")
    origin = dict.fromkeys([*names, "optuna", "numpy", "python", "device", "exported_by"], text)
    assert before.search
    assert before.data
    assert before.architecture
    return before.model_copy(
        update={
            "provenance": before.provenance.model_copy(update={**origin, "units": {text: text}}),
            "search": before.search.model_copy(
                update={
                    **dict.fromkeys(["sampler", "pruner", "start"], text),
                    "default": {text: text},
                    "ranges": {text: {"name": text, "attributes": {"choices": [text]}}},
                }
            ),
            "data": before.data.model_copy(
                update={
                    **dict.fromkeys(["name", "fingerprint", "data_dir", "find"], text),
                    "class_names": (text, "b"),
                }
            ),
            "architecture": before.architecture.model_copy(update={"model": text, "norm": text}),
        }
    )


@any_text
@given(TEXT)
@example(CODE)
@example(ENCODING)
@example("\udc80")
@example("RGB")
def test_a_program_has_the_expected_statements_alone(
    whole: Callable[[ExportedTrial], ExportedTrial], text: str
) -> None:
    """As Python reads the file, from its bytes; all else are comments."""
    program = FORMATS["python"](full_of(text, whole, model="softmax")).encode()
    assert tokenize.detect_encoding(io.BytesIO(program).readline)[0] == "utf-8"
    tree = ast.parse(program)
    words = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert text in words  # where the data lie
    plain = FORMATS["python"](full_of("a", whole, model="softmax"))
    assert "'a'" in ast.unparse(ast.parse(plain))

    def calls(body: list[ast.stmt]) -> list[str]:  # in both: the text may be one of the program's
        return [ast.unparse(node).replace(repr(text), "'a'") for node in body]

    assert calls(tree.body) == calls(ast.parse(plain).body)
    starts = {node: min([node, *node.decorator_list], key=lambda n: n.lineno).lineno
              for node in tree.body if isinstance(node, ast.FunctionDef)}  # fmt: skip
    code = {
        n
        for node in tree.body
        for n in range(starts.get(node, node.lineno), (node.end_lineno or 0) + 1)  # type: ignore[call-overload]
    }
    for number, line in enumerate(program.decode().splitlines(), 1):
        assert number in code or not line or line.startswith("# ")


@any_text
@given(TEXT)
@example(CODE)
def test_a_literal_is_the_text_and_a_comment_is_one(text: str) -> None:
    for value in (text, (text,), [text, 1.0], {text: (1, text)}):
        assert ast.literal_eval(literal(value)) == value
    assert literal(text).isprintable()
    line = comment(text)
    assert line.isprintable()
    assert line.startswith("# ")
    assert not re.search("coding[:=]", line)


@any_text
@given(TEXT)
@example(CODE)
def test_all_formats_read_back(
    whole: Callable[[ExportedTrial], ExportedTrial], tmp_path: Path, text: str
) -> None:
    """Halves of characters, which no UTF-8 has, as their numbers."""
    read = text.encode(errors="backslashreplace").decode()
    wanted = full_of(read, whole)
    wanted = wanted.model_copy(
        update={"provenance": wanted.provenance.model_copy(update={"units": {}})}
    )
    given_ = full_of(text, whole)
    given_ = given_.model_copy(
        update={"provenance": given_.provenance.model_copy(update={"units": {}})}
    )
    for format in ("json", "yaml", "toml"):
        path = tmp_path / f"trial.{format}"
        path.write_text(FORMATS[format](given_), encoding="utf-8")
        try:
            assert load_config(path) == wanted
        except UsageError as error:  # a task refuses some paths
            assert "protocol.dataset" in str(error)  # noqa: PT017


def test_a_foreign_study_runs_no_code(url: str, tmp_path: Path) -> None:
    """Whether its record is refused, or written down as data."""
    search("sgd", TASK, trials=1, jobs=1, storage=url, study="s", retrain=0)
    study = load_study(open_storage(url), "s", url)
    kept = study.user_attrs[RECORD]
    for name in ("fingerprint", "space", "data_dir", "version", "space_fingerprint"):
        study.set_user_attr(RECORD, {**kept, name: CODE})
        said: Any = None
        try:
            said = export("s", format="python", storage=url)
        except UsageError:
            continue
        assert [type(node).__name__ for node in ast.parse(said).body][-1] == "If"
        assert "\nimport os" not in said
    study.set_user_attr(RECORD, kept)
    assert (
        json.loads(export("s", storage=url))["provenance"]["data_fingerprint"]
        == (kept["fingerprint"])
    )
