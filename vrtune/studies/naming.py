"""What a study is called if it is given no name."""

from __future__ import annotations

from pathlib import Path

from vrtune.config import Task
from vrtune.given.names import folder_name
from vrtune.own.objects import is_object, short


def beside(task: Task) -> list[str]:
    """What is searched beside the space, as far as it isn't usual."""
    usual = {"init": "default", "penalty": "none", "average": "last"}
    return [getattr(task, role) for role, name in usual.items() if getattr(task, role) != name]


def default_name(space: str, task: Task) -> str:
    """e.g. storm-digits-lenet, with what is not usual about the task behind it."""
    parts = [space, data_name(task.dataset), *([task.target] if task.target else [])]
    parts += [short(task.model)]
    parts += [f"{task.norm}norm"] if task.norm != "none" else []
    parts += beside(task)
    parts += [short(task.loss)] if task.loss != "auto" else []
    parts += [short(task.metric)] if task.metric != "loss" else []
    return folder_name("-".join(parts))


def data_name(dataset: str) -> str:
    """What a data set is called: its name, its file's without the suffix, or, of FILE.py:NAME, the
    file's and its own, unless that is load."""
    home, _, name = dataset.rpartition(":")
    if not is_object(dataset):
        return Path(dataset).stem
    stem = Path(home).stem if home.endswith(".py") else home.rpartition(".")[2]
    return stem if name == "load" else f"{stem}-{name}"
