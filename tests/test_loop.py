"""The search loop: the same trial has the same value whatever shares the device with it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import torch
from optuna.trial import FrozenTrial, TrialState

from vrtune import Task, search
from vrtune.errors import UsageError, VrtuneError
from vrtune.events import Event, Stopped
from vrtune.jobs import Job, Tickets, run_job
from vrtune.lanes.pool import Pool
from vrtune.leases import put_back
from vrtune.ledger import DIVERGED
from vrtune.storage import open_storage
from vrtune.studies import StudyRecord, load_study, open_study

TASK = Task(model="softmax", folds=2, epochs=3, limit=120)

GRID_SPACE = """
from vrtune import SGD, SVRG, TrialConfig
GRID = {"lr": [0.003, 0.01, 0.03, 0.1], "svrg": [0, 1]}
def suggest(trial):
    optimizer = SGD(lr=trial.suggest_float("lr", 1e-3, 1.0, log=True), momentum=0.5)
    if trial.suggest_int("svrg", 0, 1):
        return TrialConfig(estimator=SVRG(snapshot_period=2), optimizer=optimizer)
    return TrialConfig(optimizer=optimizer)
"""


@pytest.fixture
def space(tmp_path: Path) -> str:
    path = tmp_path / "grid_space.py"
    path.write_text(GRID_SPACE)
    return str(path)


def trials_of(url: str, name: str = "s") -> list[FrozenTrial]:
    return load_study(open_storage(url), name, url).get_trials(deepcopy=False)


def values(url: str) -> dict[tuple[float, int], list[float]]:
    """Every complete trial's curve by its parameters."""
    return {
        (t.params["lr"], t.params["svrg"]): list(t.intermediate_values.values())
        for t in trials_of(url)
        if t.state is TrialState.COMPLETE
    }


def test_lanes_and_jobs_change_no_value(tmp_path: Path, space: str) -> None:
    found = []
    for name, options in {
        "one": {"jobs": 1},
        "slots": {"jobs": 1, "lanes": 6, "fuse": "on"},
        "jobs": {"jobs": 2, "lanes": 4},
    }.items():
        url = f"sqlite:///{tmp_path}/{name}.db"
        result = search(
            space, TASK, sampler="grid", pruner="none", study="s", storage=url, retrain=0, **options
        )
        assert result.trials.complete == 8
        found.append(values(url))
    for other in found[1:]:
        assert other.keys() == found[0].keys()
        for params, curve in found[0].items():
            # float32 sums in another order: fused against looped
            assert other[params] == pytest.approx(curve, rel=1e-5)


def test_what_a_trial_keeps(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    result = search("sgd", TASK, trials=3, pruner="none", jobs=1, study="s", storage=url, retrain=0)
    for trial in trials_of(url):
        assert list(trial.intermediate_values) == [1, 2, 3]
        folds = trial.user_attrs["fold_values"]
        assert len(folds) == len(trial.user_attrs["fold_accuracies"]) == 2
        assert trial.value == trial.intermediate_values[3] == pytest.approx(sum(folds) / 2)
        batches = math.ceil(60 / 32)  # a fold of 120 samples trains on 60
        assert trial.user_attrs["gradient_computations"] == 2 * 3 * batches
        assert trial.user_attrs["config"]["optimizer"]["lr"] == trial.params["lr"]
    assert result.best is not None
    assert result.best.value == min(t.value for t in trials_of(url))
    assert result.gradient_computations == 3 * 2 * 3 * 2


def test_diverged_trials_are_pruned_and_their_rows_reused(tmp_path: Path) -> None:
    path = tmp_path / "wild.py"
    path.write_text(
        "from vrtune import SGD, TrialConfig\n"
        "GRID = {'lr': [1e38, 0.1, 1e38, 0.05]}\n"
        "def suggest(trial):\n"
        "    lr = trial.suggest_float('lr', 0.01, 1e38, log=True)\n"
        "    return TrialConfig(optimizer=SGD(lr=lr))\n"
    )
    url = f"sqlite:///{tmp_path}/studies.db"
    search(
        str(path),
        TASK,
        sampler="grid",
        lanes=4,
        jobs=1,
        study="s",
        storage=url,
        retrain=0,
        pruner="none",
        fuse="on",
    )
    by_lr = {t.params["lr"]: t for t in trials_of(url)}
    wild, tame = by_lr[1e38], by_lr[0.05]
    assert wild.state is TrialState.PRUNED
    assert wild.value == pytest.approx(DIVERGED * math.log(10))
    assert wild.user_attrs["diverged"]
    assert wild.user_attrs["fold_values"] == [None, None]
    assert tame.state is TrialState.COMPLETE
    assert tame.value is not None
    assert tame.value < math.log(10)


def job(url: str, space: str, **changes: object) -> Job:
    record = StudyRecord(task=TASK, space="g", fingerprint="0", data_dir="d", version="0")
    open_study(open_storage(url), "s", record)
    settings: dict[str, object] = {
        "task": TASK,
        "space": space,
        "study": "s",
        "storage": url,
        "data_dir": "d",
        "device": "cpu",
        "fused": False,
        "slots": 2,
        "sampler": "random",
        "pruner": "none",
    }
    return Job.model_validate(settings | changes)


def test_a_stop_loses_no_trial(tmp_path: Path, space: str) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    events: list[Event] = []
    plan = job(url, space)

    def run(stop_after: int, tickets: int) -> None:
        run_job(
            plan,
            ticket=Tickets(tickets, lambda: False).take,
            stopping=lambda: sum(e.kind == "round" for e in events) >= stop_after,
            tell=events.append,
        )

    with pytest.raises(Stopped):
        run(stop_after=4, tickets=6)
    cut_off = trials_of(url)
    states = [t.state for t in cut_off]
    assert TrialState.RUNNING not in states
    put_back = [t for t in cut_off if t.state is TrialState.FAIL]
    queued = [t for t in cut_off if t.state is TrialState.WAITING]
    assert len(put_back) == len(queued) >= 2  # those in training, and those asked for ahead
    events.clear()
    run(stop_after=10**6, tickets=len(queued))
    done = trials_of(url)
    assert {t.state for t in done} == {TrialState.COMPLETE, TrialState.FAIL}
    again = [t.params for t in done if "again" in t.user_attrs]
    assert again == [t.params for t in put_back]


def test_a_space_that_breaks_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "breaks.py"
    path.write_text(
        "from vrtune import SGD, TrialConfig\n"
        "def suggest(trial):\n"
        "    trial.suggest_float('lr', 0.1, 0.2)\n"
        "    if trial.number == 1:\n"
        "        raise RuntimeError('out of ideas')\n"
        "    return TrialConfig(optimizer=SGD(lr=0.1))\n"
    )
    url = f"sqlite:///{tmp_path}/studies.db"
    with pytest.raises(UsageError, match="out of ideas"):
        search(str(path), TASK, trials=4, jobs=1, lanes=4, study="s", storage=url)
    assert TrialState.RUNNING not in [t.state for t in trials_of(url)]


def test_storm_grid_has_every_pair(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    task = Task(model="softmax", folds=2, epochs=1, limit=80)
    result = search("storm", task, sampler="grid", study="s", storage=url, jobs=1, retrain=0)
    pairs = {(t.params["k"], t.params["c"]) for t in trials_of(url)}
    assert pairs == {(k, c) for k in (1e-3, 1e-2, 0.1, 1.0) for c in (0.1, 1.0, 10.0, 100.0, 1e3)}
    assert result.trials.complete + result.trials.pruned == 20
    with pytest.raises(UsageError, match="whole grid"):
        search("storm", task, sampler="grid", study="s", storage=url, jobs=1, retrain=0)


def test_timeout_starts_no_trial_after_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    result = search("sgd", TASK, trials=10**6, timeout=2.0, jobs=1, storage=url, retrain=0)
    assert 0 < result.trials.complete < 10**6


def test_a_continued_search_asks_for_new_points(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    for _ in range(2):
        search("sgd", TASK, trials=3, sampler="random", jobs=1, study="s", storage=url, retrain=0)
    assert len({t.params["lr"] for t in trials_of(url)}) == 6
    assert optuna.get_all_study_names(url) == ["s"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"study": "../out"}, "can't name a study"),
        ({"study": ""}, "can't name a study"),
        ({"timeout": math.nan}, "timeout must be above 0"),
        ({"trials": 0}, "trials must be above 0"),
        ({"device": "tpu"}, "no device 'tpu'"),
        ({"fuse": "maybe"}, "no fuse 'maybe'"),
        ({"sampler": "cma"}, "no sampler 'cma'"),
        ({"pruner": "axe"}, "no pruner 'axe'"),
        ({"retrain_seeds": 0}, "below 1"),
    ],
)
def test_a_wrong_request_writes_nothing(
    tmp_path: Path, options: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        search("sgd", TASK, storage=f"sqlite:///{tmp_path}/studies.db", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ("{'learning_rate': [0.1]}", "suggest.trial. raised .*lr"),
        ("{'lr': [0.1], 'momentum': [0.9]}", "never asks for"),
        ("{'lr': [5.0]}", "out of the range"),
        ("{'lr': 0.1}", "dict of non-empty lists"),
        ("[0.1]", "dict of non-empty lists"),
    ],
)
def test_a_wrong_grid_writes_nothing(tmp_path: Path, grid: str, said: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(
        f"from vrtune import SGD, TrialConfig\nGRID = {grid}\n"
        "def suggest(trial):\n"
        "    return TrialConfig(optimizer=SGD(lr=trial.suggest_float('lr', 0.01, 1.0)))\n"
    )
    url = f"sqlite:///{tmp_path}/studies.db"
    with pytest.raises(UsageError, match=said):
        search(str(path), TASK, sampler="grid", storage=url)
    assert not (tmp_path / "studies.db").exists()


def test_a_grid_runs_nothing_but_its_points(tmp_path: Path, space: str) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    search(space, TASK, sampler="grid", trials=100, jobs=1, study="s", storage=url, retrain=0)
    assert len(trials_of(url)) == 8


def test_a_trial_that_another_process_ended_is_dropped(tmp_path: Path, space: str) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    study = open_storage(url)
    rounds = 0

    def take_one(event: Event) -> None:
        nonlocal rounds
        rounds += event.kind == "round"
        if event.kind == "round" and rounds == 1:
            running = [t for t in trials_of(url) if t.state is TrialState.RUNNING]
            study.set_trial_state_values(running[0]._trial_id, TrialState.FAIL)

    run_job(
        job(url, space),
        ticket=Tickets(3, lambda: False).take,
        stopping=lambda: False,
        tell=take_one,
    )
    states = [t.state for t in trials_of(url)]
    assert states.count(TrialState.FAIL) == 1
    assert states.count(TrialState.COMPLETE) == 2


def test_a_queued_trial_that_dies_before_its_first_parameter_comes_back(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    job(url, "sgd")
    study = load_study(open_storage(url), "s", url)
    study.enqueue_trial({"lr": 0.25})
    put_back(study, study._storage.get_trial(study.ask()._trial_id))
    assert study.ask().suggest_float("lr", 0.1, 1.0) == 0.25


def short_of_memory(monkeypatch: pytest.MonkeyPatch, lanes: int) -> None:
    """A device that has memory for so many lanes."""
    train_epoch = Pool.train_epoch

    def limited(pool: Pool, after_step: Callable[[], None]) -> dict[int, list[float]]:
        if sum(len(group.seats) for group in pool.groups.values()) > lanes:
            raise torch.OutOfMemoryError
        return train_epoch(pool, after_step)

    monkeypatch.setattr(Pool, "train_epoch", limited)


def test_out_of_memory_halves_the_slots_and_goes_on(
    tmp_path: Path, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, lanes=4)
    url = f"sqlite:///{tmp_path}/studies.db"
    events: list[Event] = []
    run_job(
        job(url, space, slots=8),
        ticket=Tickets(11, lambda: False).take,
        stopping=lambda: False,
        tell=events.append,
    )
    assert [e.lanes for e in events if e.kind == "halved"] == [8, 4]
    states = [t.state for t in trials_of(url)]
    assert states.count(TrialState.COMPLETE) == 11, "those put back need no ticket"
    assert set(states) == {TrialState.COMPLETE, TrialState.FAIL}
    params = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.FAIL}
    done = {json.dumps(t.params) for t in trials_of(url) if t.state is TrialState.COMPLETE}
    assert params <= done


def test_no_memory_for_one_trial_is_an_error(
    tmp_path: Path, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of_memory(monkeypatch, lanes=1)
    url = f"sqlite:///{tmp_path}/studies.db"
    with pytest.raises(VrtuneError, match="no memory for the 2 lanes of one trial"):
        run_job(
            job(url, space),
            ticket=Tickets(4, lambda: False).take,
            stopping=lambda: False,
            tell=lambda event: None,
        )
    assert {t.state for t in trials_of(url)} == {TrialState.FAIL, TrialState.WAITING}


def test_at_most_one_epoch_is_not_yet_written(tmp_path: Path, space: str) -> None:
    """When an epoch has been judged, the reports of the one before are in the storage."""
    url = f"sqlite:///{tmp_path}/studies.db"
    rounds: list[int] = []

    def look(event: Event) -> None:
        if event.kind == "round":
            rounds.append(len(rounds) + 1)
            running = [t for t in trials_of(url) if t.state is TrialState.RUNNING]
            if 1 < len(rounds) < TASK.epochs:
                reported = [len(t.intermediate_values) for t in running if t.number < 2]
                assert min(reported) >= len(rounds) - 1

    run_job(
        job(url, space), ticket=Tickets(2, lambda: False).take, stopping=lambda: False, tell=look
    )
    assert rounds == [1, 2, 3]


def test_a_search_says_how_full_its_slots_were(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    events: list[Event] = []
    for jobs in (1, 2):
        result = search(
            "sgd",
            TASK,
            trials=6,
            jobs=jobs,
            lanes=2,
            study="s",
            storage=url,
            retrain=0,
            progress=events.append,
        )
        assert result.occupancy is not None
        assert 0 < result.occupancy <= 1
        assert 0 < result.outside < 1
    kept = load_study(open_storage(url), "s", url).user_attrs["searches"]
    assert [search["processes"] for search in kept] == [1, 2]
    assert kept[1]["occupancy"] == result.occupancy
    plans = [event.text for event in events if event.kind == "plan"]
    assert [text.split(", ")[-1] for text in plans] == ["1 process", "2 processes"]
    assert plans[0].rpartition(",")[0] == plans[1].rpartition(",")[0], "measured once"
