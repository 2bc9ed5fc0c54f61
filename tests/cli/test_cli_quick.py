"""Commands that only look something up import nothing that takes seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STUDY = "sgd-digits-softmax"
CODE = """
import json, sys
from typer.testing import CliRunner
from vrtune.cli.main import app
for command in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, (command, done.output)
    heavy = set(sys.argv[2:]) & set(sys.modules)
    assert not heavy, (command, heavy)
"""
HEAVY = ["torch", "torchvision", "scipy", "sklearn", "numba", "pandas", "plotly", "matplotlib"]
COMMANDS = [
    *(
        [],
        ["--version"],
        ["search", "-h"],
        ["batch-size", "-h"],
        ["list", "-h"],
        ["export", "--schema"],
    ),
    *(["list", what] for what in ("spaces", "models", "datasets", "methods", "studies")),
    *(["show", STUDY], ["show", STUDY, "--json"], ["export", STUDY], ["delete", STUDY, "--yes"]),
]


@pytest.mark.usefixtures("studies")
def test_looking_something_up_needs_no_pytorch() -> None:
    subprocess.run([sys.executable, "-c", CODE, json.dumps(COMMANDS), *HEAVY], check=True)


def test_a_model_and_a_data_set_say_what_they_are_without_being_imported() -> None:
    from vrtune.data import DATASETS
    from vrtune.models import MODELS

    for name, named in {**MODELS, **DATASETS}.items():
        module = __import__(named.module, fromlist=[named.name])
        said = str(getattr(module, named.name).__doc__).partition("\n")[0]
        assert named.summary == said.strip() != "", name


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("show sgd", [STUDY]),
        ("show --storage sqlite:///studies.db s", [STUDY]),
        ("show --storage sqlite:///none.db s", []),  # silent on errors
        ("compare x sgd", [STUDY]),
        ("search svrg", ["svrg", "svrg_late"]),
        ("search sgd ad", ["adadelta", "adagrad", "adam", "adamax"]),
        ("search sgd --model resnet18", ["resnet18-small", "resnet18"]),
        ("search sgd --dataset mn", ["mnist"]),
        ("search sgd --precision t", ["tf32"]),
        ("search sgd --metric ma", ["macro-f1", "mae"]),
        ("search sgd --loss cr", ["cross-entropy"]),
        ("search sgd --class-weights b", ["balanced"]),
        ("del", ["delete"]),
    ],
)
def test_a_shell_completes(words: str, completed: list[str], studies: Path) -> None:
    line = f"vrtune {words}"
    done = subprocess.run(
        [sys.executable, "-m", "vrtune.cli.main"],
        env={
            "_VRTUNE_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(line.split()) - 1),
            "PYTHONWARNINGS": "error",
        },
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split() == completed
    assert not (studies / "none.db").exists()
