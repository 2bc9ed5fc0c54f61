"""What a study remembers of its searches, and which of them trained a trial."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import optuna
import pytest
import torch
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from reference.exported import TASK

from vrtune import search, spaces
from vrtune.searching.settings import SearchSettings
from vrtune.storages.opening import open_storage
from vrtune.studies import searches as kept
from vrtune.studies.alive import identity
from vrtune.studies.leases import OpenTrials
from vrtune.studies.record import load_study
from vrtune.studies.searches import (
    SEARCHES,
    SearchEntry,
    as_text,
    begin,
    finish,
    read_searches,
    search_of,
    written,
)

CPU = torch.device("cpu")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def begun(study: optuna.Study, others: tuple[int, ...] = (), **given: Any) -> SearchEntry:
    return begin(
        study,
        spaces.load("sgd"),
        SearchSettings(**given),
        device=CPU,
        processes=1 + len(others),
        others=others,
        plan="looped gradients, 4 lanes",
        parameters=7,
        samples=100,
        shape=(1, 8, 8),
    )


def trained(study: optuna.Study, spent: float = 0.0, worker: dict[str, Any] | None = None) -> int:
    """A trial that a process has signed, this one if not given."""
    trial = OpenTrials(study).take()
    if worker:
        trial.set_user_attr("worker", worker)
    trial.set_user_attr("gradient_computations", spent)
    study.tell(trial, 1.0, state=TrialState.COMPLETE)
    return trial.number


def finder(study: optuna.Study, number: int) -> SearchEntry | None:
    return search_of(read_searches(study), study.trials[number])


@contextmanager
def in_zone(zone: str) -> Iterator[None]:
    """As if this were another time zone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


def test_a_search_is_known_from_its_start(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    begun(study, trials=9, budget=50, timeout=60, confirm=2, jobs=3, validate_at="rungs")
    (entry,) = read_searches(study)
    assert (entry.sampler, entry.pruner, entry.start) == ("auto", "folds", "on")
    assert (entry.trials, entry.budget, entry.timeout, entry.confirm) == (9, 50, 60, 2)
    assert (entry.jobs, entry.open, entry.validate_at) == (3, "auto", "rungs")
    assert (entry.processes, entry.parameters) == (1, 7)
    assert entry.ranges["lr"]["name"] == "FloatDistribution"
    assert entry.ranges["lr"]["attributes"] == {"low": 1e-5, "high": 10.0, "log": True}
    assert entry.default == {"lr": 0.1}
    assert entry.data_dir == str(tmp_path / "data")
    assert entry.versions.torch == torch.__version__
    assert (entry.versions.optuna, entry.versions.device) == (optuna.__version__, "cpu")
    assert (entry.ended, entry.ran, entry.commit) == (None, None, None)


@pytest.mark.parametrize("given", [{"start": "off"}, {"sampler": "tpe"}])
def test_a_search_that_begins_with_no_setting_remembers_none(
    study: optuna.Study, given: dict[str, Any]
) -> None:
    assert begun(study, **given).default == {}


def test_its_end_completes_it(study: optuna.Study) -> None:
    trained(study, 100.0)  # before it began
    first = begun(study)
    trained(study, 3.0)
    trained(study, 4.0)
    finish(study, first, {"wall": 1.5, "occupancy": None}, stopped=True)
    (entry,) = read_searches(study)
    assert (entry.gradient_computations, entry.ran) == (7.0, 2)
    second = begun(study, sampler="random")
    trained(study, 5.0)
    finish(study, second, {}, stopped=False)
    one, two = read_searches(study)
    assert one == entry
    assert one.stopped
    assert one.ended is not None
    assert (one.wall, one.occupancy) == (1.5, None)
    assert (two.gradient_computations, two.ran, two.stopped) == (5.0, 1, False)


def test_trials_are_told_apart_by_process(
    study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = subprocess.Popen(["sleep", "60"])
    try:
        monkeypatch.setattr("vrtune.studies.versions.version", lambda name: "1")
        begun(study, others=(child.pid,))
        monkeypatch.setattr("vrtune.studies.versions.version", lambda name: "2")
        begun(study)
        identity = kept._identities([child.pid])[0]
        known = read_searches(study)
        assert len(known[0].workers) == 2
        by = [None, identity, {**identity, "host": "elsewhere"}, {**identity, "started": 0.0}]
        numbers = [trained(study, worker=worker) for worker in by]
        found = [finder(study, number) for number in numbers]
        assert [f and f.versions.vrtune for f in found] == ["2", "1", None, None]
    finally:
        child.kill()
        child.wait()
    assert kept._identities([child.pid]) == [], "a process that is gone"


def test_this_process_signs_as_it_is_entered(study: optuna.Study) -> None:
    (worker,) = begun(study).workers
    assert worker.model_dump() == identity()
    assert worker.pid == os.getpid()


def test_a_trial_that_nobody_signed_is_of_no_search(study: optuna.Study) -> None:
    begun(study)
    study.tell(study.ask(), 1.0)
    assert finder(study, 0) is None


@pytest.mark.parametrize("zone", ["XXX-9", "XXX+9"])  # east and west of where it is read
def test_a_search_in_another_time_zone(study: optuna.Study, zone: str) -> None:
    with in_zone(zone):
        before = trained(study)
        entry = begun(study)
        after = trained(study)
    with in_zone("UTC"):
        assert finder(study, before) is None
        assert entry.same(finder(study, after))


@pytest.mark.parametrize("seconds", [-9999, 9999])
def test_a_clock_that_was_set_meanwhile(
    seconds: float, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trials of two searches in one process are told apart all the same."""
    before = trained(study)
    first = begun(study)
    one = trained(study)
    now = datetime.now() + timedelta(seconds=seconds)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return now

    monkeypatch.setattr(kept, "datetime", Clock)
    monkeypatch.setattr("optuna.storages._in_memory.datetime", Clock)
    other = trained(study)
    second = begun(study)
    two = trained(study)
    assert finder(study, before) is None
    assert first.same(finder(study, one))
    assert first.same(finder(study, other))
    assert second.same(finder(study, two))


def test_entries_of_other_versions_are_passed_over_and_kept(study: optuna.Study) -> None:
    old = {"plan": "looped gradients", "processes": 2, "occupancy": 0.9, "training": 1.0}
    study.set_user_attr(SEARCHES, [old])
    assert read_searches(study) == []
    entry = begun(study)
    finish(study, entry, {}, stopped=False)
    assert study.user_attrs[SEARCHES] == [old]
    (now,) = (kept for name, kept in study.user_attrs.items() if name.startswith("search "))
    earlier = {**now, "began": "2020-01-01T00:00:00Z", "kept later": 1}
    study.set_user_attr(SEARCHES, [old, earlier])  # where older versions keep them
    assert [e.began.year for e in read_searches(study)] == [2020, entry.began.year]
    study.set_user_attr(SEARCHES, "nonsense")
    assert [e.began for e in read_searches(study)] == [entry.began]


def test_searches_that_begin_and_end_together_keep_an_entry_each(study: optuna.Study) -> None:
    """None reads what others have written and writes it back."""
    one, other = begun(study), begun(study)
    finish(study, other, {}, stopped=True)
    finish(study, one, {}, stopped=False)
    assert [e.stopped for e in read_searches(study)] == [False, True]


def test_processes_as_older_versions_named_them(study: optuna.Study) -> None:
    """By the start in seconds, which moves with the clock."""
    entry = begun(study)
    named = {"host": "there", "pid": 7, "started": 1000.0}
    old = entry.model_copy(update={"workers": (kept.Worker(**named),)})
    numbers = [
        trained(study, worker=worker)
        for worker in (
            named,
            {**named, "started": 1000.9},
            {**named, "started": 1002.0},
            {"pid": 7},
        )
    ]
    found = [search_of([old], study.trials[number]) for number in numbers]
    assert [each is not None for each in found] == [True, True, False, False]


def test_the_commit_is_that_of_the_folder(
    study: optuna.Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    who = ("-c", "user.name=me", "-c", "user.email=me@here")
    for words in (("init", "-q"), (*who, "commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run(["git", *words], check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert begun(study).commit == head.stdout.strip()
    monkeypatch.setenv("PATH", "")
    assert begun(study).commit is None


def test_ranges_as_data_and_as_text() -> None:
    ranges = written(
        {
            "lr": FloatDistribution(1e-3, 1.0, log=True),
            "share": FloatDistribution(0.0, 1.0, step=0.25),
            "steps": IntDistribution(1, 9),
            "mode": CategoricalDistribution(["sum", None]),
        }
    )
    assert ranges["mode"]["attributes"] == {"choices": ["sum", None]}
    assert "step" not in ranges["lr"]["attributes"]
    assert [as_text(name, given) for name, given in ranges.items()] == [
        "lr 0.001 .. 1 (log)",
        "share 0 .. 1, steps of 0.25",
        "steps 1 .. 9",
        "mode of 'sum', None",
    ]


def test_every_trial_of_two_processes_is_the_searchs_own(url: str) -> None:
    for sampler in ("auto", "random"):
        search("sgd", TASK, trials=4, jobs=2, sampler=sampler, study="s", storage=url, retrain=0)
    study = load_study(open_storage(url), "s", url)
    entries = read_searches(study)
    assert [entry.ran for entry in entries] == [4, 4]
    found = [search_of(entries, trial) for trial in study.trials]
    assert [entry and entry.sampler for entry in found] == ["auto"] * 4 + ["random"] * 4
    spent = sum(trial.user_attrs["gradient_computations"] for trial in study.trials)
    assert sum(entry.gradient_computations or 0 for entry in entries) == spent
    assert all(entry.ended and entry.wall for entry in entries)
    assert all(len(entry.workers) == 2 for entry in entries)
