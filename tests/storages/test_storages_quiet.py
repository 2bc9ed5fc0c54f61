"""vrtune silences Optuna while it works, and only then: loggers and warnings are as they were."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import optuna
import pytest
import sklearn.datasets  # noqa: F401  SciPy sets filters of its own when it is first imported
import torch
from reference.small_search import TASK

from vrtune import export, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.storages.quiet import LEVELS, quiet
from vrtune.studies.record import load_study
from vrtune.studies.samplers import SAMPLERS, make_sampler


def levels() -> dict[str, int]:
    return {name: logging.getLogger(name).level for name in LEVELS}


@contextmanager
def nothing_changes() -> Iterator[None]:
    """What Python does with messages is the same before and after."""
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    logging.getLogger("alembic").setLevel(logging.INFO)
    before = levels(), list(warnings.filters)
    try:
        yield
        assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
        assert (levels(), list(warnings.filters)) == before
    finally:
        optuna.logging.set_verbosity(optuna.logging.INFO)
        logging.getLogger("alembic").setLevel(logging.NOTSET)


def test_an_import_changes_nothing() -> None:
    """Every module of vrtune, in a process of its own."""
    program = """
import importlib, logging, pkgutil, warnings
import optuna, torch, torchvision, sklearn.datasets, sqlalchemy, numba  # theirs is not ours
import plotly.offline
before = optuna.logging.get_verbosity(), logging.getLogger("alembic").level, list(warnings.filters)
import vrtune
for module in pkgutil.walk_packages(vrtune.__path__, "vrtune."):
    if "search_spaces" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
after = optuna.logging.get_verbosity(), logging.getLogger("alembic").level, list(warnings.filters)
assert before == after, (before, after)
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_search_changes_nothing(url: str, capfd: pytest.CaptureFixture[str]) -> None:
    seen: set[int] = set()
    with nothing_changes():
        search(
            "sgd", TASK, trials=3, jobs=2, study="s", storage=url, retrain_seeds=1,
            progress=lambda event: seen.add(optuna.logging.get_verbosity()),
        )  # fmt: skip
        assert seen >= {optuna.logging.ERROR}
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


def running() -> set[threading.Thread]:
    """The threads that Python's end would wait for."""
    return {thread for thread in threading.enumerate() if not thread.daemon}


def surroundings(others: set[threading.Thread]) -> dict[str, object]:
    """What a program may have set for itself; `others` ran before, and may end meanwhile."""
    loggers = (
        "",
        "optuna",
        "alembic",
        "alembic.runtime.migration",
        "sqlalchemy",
        "sqlalchemy.engine",
    )
    backends = torch.backends
    return {
        "loggers": {
            n: (dict(vars(logging.getLogger(n))), logging.getLogger(n).handlers[:]) for n in loggers
        },
        "logging": logging.root.manager.disable,
        "levels": {name: logging.getLogger(name).level for name in loggers},
        "warnings": (list(warnings.filters), warnings.showwarning),
        "threads": torch.get_num_threads(),
        "dtype": torch.get_default_dtype(),
        "gradients": torch.is_grad_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": (torch.get_float32_matmul_precision(), backends.cudnn.benchmark),
        "signals": {s: signal.getsignal(s) for s in signal.valid_signals()},
        "environment": dict(os.environ),
        "paths": (list(sys.path), Path.cwd()),
        "streams": (sys.stdin, sys.stdout, sys.stderr, sys.excepthook, threading.excepthook),
        "python's numbers": random.getstate(),
        "numpy's numbers": str(np.random.get_state()),
        "torch's numbers": torch.random.get_rng_state().tolist(),
        "numpy's errors": np.geterr(),
        "running threads": running() - others,
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_surroundings_are_as_they_were(url: str, tmp_path: Path, jobs: int) -> None:
    """After a search, an export, and errors of both."""
    torch.set_num_threads(1)
    search("sgd", TASK, trials=1, jobs=1, storage=url, retrain=0, progress=False)  # imports
    others = running()
    before = surroundings(others)
    search(
        "sgd", TASK, trials=2, jobs=jobs, study="s", storage=url, retrain_seeds=1, progress=False
    )
    after = {"search": surroundings(others)}
    export("s", storage=url)
    after["export"] = surroundings(others)
    for call in (
        lambda: search("sgd", TASK, jobs=1, storage=f"sqlite:///{tmp_path}", progress=False),
        lambda: search(
            "sgd", TASK.model_copy(update={"seed": 9}), jobs=jobs, study="s", storage=url
        ),
        lambda: export("none", storage=url),
        lambda: export("s", storage="postgresql://a:b@127.0.0.1:1/x"),
    ):
        with pytest.raises(VrtuneError):
            call()
    after["errors"] = surroundings(others)
    for what, now in after.items():
        assert {n: now[n] for n in before if now[n] != before[n]} == {}, what


def test_an_error_changes_nothing(url: str, tmp_path: Path) -> None:
    path = tmp_path / "breaks.py"
    path.write_text("def suggest(trial):\n    raise RuntimeError('out of ideas')\n")
    for call in (
        lambda: search(str(path), TASK, study="s", storage=url, jobs=1),
        lambda: load_study(open_storage(url), "t", url),
        lambda: make_sampler("cma", 0),
    ):
        with nothing_changes(), pytest.raises(UsageError):
            call()


def test_users_own_studies_speak_after_a_search(url: str) -> None:
    said: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    optuna.logging.set_verbosity(optuna.logging.INFO)
    listener = Listener()
    logging.getLogger("optuna").addHandler(listener)
    try:
        search("sgd", TASK, trials=1, jobs=1, study="s", storage=url, retrain=0)
        assert said == []
        optuna.create_study(study_name="mine")
        assert said == ["A new study created in memory with name: mine"]
    finally:
        logging.getLogger("optuna").removeHandler(listener)


@pytest.mark.parametrize("name", SAMPLERS)
def test_making_and_asking_a_sampler_warns_of_nothing(url: str, name: str) -> None:
    with nothing_changes(), warnings.catch_warnings():
        warnings.simplefilter("error")
        search("sgd", TASK, trials=2, sampler=name, jobs=1, study="s", storage=url, retrain=0)


def test_the_last_who_leaves_puts_things_back() -> None:
    """Two threads inside at once; the first to enter is the first to leave."""
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with quiet():
            inside.set()
            leave.wait()

    with nothing_changes():
        thread = threading.Thread(target=other)
        with quiet():
            thread.start()
            inside.wait()
            with quiet():
                pass
            assert levels() == LEVELS
        assert levels() == LEVELS
        leave.set()
        thread.join()


def test_a_quiet_function_is_quiet_each_time() -> None:
    @quiet()
    def look() -> dict[str, int]:
        return levels()

    with nothing_changes():
        calls: list[Callable[[], dict[str, int]]] = [look, look]
        assert [call() for call in calls] == [LEVELS, LEVELS]
