"""The goal of a study: raised by searches, and never overshot by those who train its trials."""

from __future__ import annotations

import sys
import threading

import optuna
import pytest
from optuna.trial import TrialState

from vrtune.config import Task
from vrtune.storages.opening import open_storage
from vrtune.studies.goals import (
    Goal,
    close,
    counted,
    goal_of,
    in_turn,
    left,
    raise_goal,
    reached,
)
from vrtune.studies.leases import OpenTrials, put_back
from vrtune.studies.record import StudyRecord, load_study, open_study

RECORD = StudyRecord(task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study()


def ended(study: optuna.Study, count: int, spent: float = 0.0) -> None:
    for _ in range(count):
        trial = study.ask()
        trial.set_user_attr("gradient_computations", spent)
        study.tell(trial, 1.0)


def test_those_that_train_or_ended_count_and_those_that_were_cut_off_do_not(
    study: optuna.Study,
) -> None:
    ended(study, 1)
    study.tell(study.ask(), state=TrialState.FAIL)
    study.tell(study.ask(), state=TrialState.PRUNED)
    trials = OpenTrials(study)
    cut_off, _ = trials.take(), trials.take()
    cut_off.suggest_float("x", 0, 1)
    put_back(study, study.get_trials()[cut_off.number])
    assert [trial.state.name for trial in study.get_trials()] == [
        "COMPLETE", "FAIL", "PRUNED", "FAIL", "RUNNING", "WAITING",
    ]  # fmt: skip
    assert counted(study.get_trials()) == 4


def test_a_search_adds_to_what_there_is_or_to_what_others_want(study: optuna.Study) -> None:
    assert goal_of(study) is None
    assert left(study) == 0
    assert raise_goal(study, 5, others=False) == Goal(trials=5)
    ended(study, 2)
    assert raise_goal(study, 4, others=True) == Goal(trials=9)
    assert goal_of(study) == Goal(trials=9)
    assert raise_goal(study, 4, others=False) == Goal(trials=6), "nobody wants the rest"
    assert left(study) == 4


def test_a_budget_is_of_the_whole_study_and_adds_up_likewise(study: optuna.Study) -> None:
    ended(study, 2, spent=50.0)
    assert raise_goal(study, None, 30.0, others=False) == Goal(gradient_computations=130.0)
    assert left(study) == sys.maxsize
    assert raise_goal(study, 3, 40.0, others=True) == Goal(gradient_computations=170.0)
    ended(study, 1, spent=69.0)
    assert left(study) == sys.maxsize
    ended(study, 1, spent=1.0)
    assert left(study) == 0


def test_a_goal_is_closed_at_what_there_is(study: optuna.Study) -> None:
    raise_goal(study, 5, others=False)
    ended(study, 2)
    close(study)
    assert (goal_of(study), left(study)) == (Goal(trials=2), 0)


def test_it_is_reached_once_nobody_trains_any_more(study: optuna.Study) -> None:
    raise_goal(study, 1, others=False)
    trial = OpenTrials(study).take()
    assert not left(study)
    assert not reached(study)
    study.tell(trial, 1.0)
    assert reached(study)
    study.ask().suggest_float("x", 0.0, 1.0)  # another program's, which may never end
    assert reached(study)
    study.ask()  # by who signs it next
    assert not reached(study)


def test_a_goal_that_is_no_goal_is_none(study: optuna.Study) -> None:
    study._storage.set_study_system_attr(study._study_id, "vrtune:goal", {"trials": "many"})
    assert goal_of(study) is None


def test_however_many_ask_at_once_none_is_too_many(url: str) -> None:
    """Between the look and the trial some time goes by: without turns, several would see the last
    place."""
    raise_goal(open_study(open_storage(url), "s", RECORD), 5, others=False)
    start = threading.Barrier(4)
    granted = list[int]()

    def ask() -> None:
        mine = load_study(open_storage(url), "s", url)
        start.wait()
        while True:
            with in_turn(mine) as more:
                if not more:
                    return
                granted.append(mine.ask().number)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(granted) == [0, 1, 2, 3, 4]


def test_who_gives_up_while_others_take_theirs_is_told_no(url: str) -> None:
    """Or a worker that is to end would wait for its turn, with its trials open."""
    study = open_study(open_storage(url), "s", RECORD)
    raise_goal(study, 5, others=False)
    heard = list[bool]()

    def ask() -> None:
        with in_turn(load_study(open_storage(url), "s", url), lambda: True) as more:
            heard.append(more)

    with in_turn(study) as mine:
        assert mine
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(20)
    assert heard == [False]
