"""What the documents tell engines and users to run: every command and option is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from vrtune.cli.main import app

DOCS = Path(__file__).parents[2] / "docs"
JOBS = [*yaml.safe_load_all((DOCS / "kubernetes.yaml").read_text())]


def containers() -> Iterator[dict[str, Any]]:
    for job in JOBS:
        yield from job["spec"]["template"]["spec"]["containers"]


def commands() -> list[list[str]]:
    """Of the document and of the manifest, in words."""
    text = (DOCS / "many-machines.md").read_text().replace("\\\n", "")
    blocks = "\n".join(re.findall(r"^```\n(.*?)^```$", text, re.M | re.S))
    shell = [shlex.split(line) for line in blocks.splitlines() if line.startswith("vrtune ")]
    return shell + [each["command"] + each["args"] for each in containers()]


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_a_command_has_its_options(words: list[str]) -> None:
    """And takes their values: it is read as it would be, and not run."""
    command = typer.main.get_command(app).commands[words[1]]  # type: ignore[attr-defined]
    context = command.make_context(words[1], list(words[2:]), resilient_parsing=False)
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known
    assert context.params


def test_there_is_one_of_each_kind() -> None:
    said = [" ".join(words) for words in commands()]
    for part in ("--ray", "--slurm", "vrtune work mine", "vrtune work svrg-mnist"):
        assert any(part in line for line in said), part


def test_the_manifest_is_what_kubernetes_takes_for_a_work_queue() -> None:
    assert {(job["apiVersion"], job["kind"]) for job in JOBS} == {("batch/v1", "Job")}
    search, work = (job["spec"] for job in JOBS)
    assert "completions" not in work
    assert work["parallelism"] > 1
    for spec in (search, work):
        pod = spec["template"]["spec"]
        assert pod["restartPolicy"] == "OnFailure"
        assert pod["terminationGracePeriodSeconds"] > 60  # as long as open trials may take
        (container,) = pod["containers"]
        assert "$(STORAGE)" in container["args"]
        (variable,) = container["env"]
        assert variable["name"] == "STORAGE"
        assert "value" not in variable  # no password in a manifest
        assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
