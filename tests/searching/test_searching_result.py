"""What search() returns: readable as it is printed, with a table of all trials, and no password."""

from __future__ import annotations

import copy
import math
import pickle
import sys
from types import SimpleNamespace
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from reference.exported import TASK
from reference.small_search import trials_of

from vrtune.errors import UsageError, VrtuneError
from vrtune.retraining import Retrained, spread
from vrtune.searching.result import Best, Opened, SearchResult, summarise
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.opening import open_storage
from vrtune.studies.counts import Counts

AGAIN = Retrained(
    trial=4,
    seeds=3,
    test_accuracy=spread([0.972, 0.25, 0.961]),
    test_loss=spread([0.11, 2.3, 0.12]),
    train_losses=[],
    gradient_computations=1234.0,
    failed=1,
    folder="studies/s/trial-4",
)
RESULT = SearchResult(
    study="s\x1b[2J",
    storage="sqlite:///studies.db",
    task=TASK,
    best=Best(number=4, value=0.0712345, params={"lr": 0.1, "n\n": 3}, fold_values=[0.07, 0.08]),
    trials=Counts(complete=2, pruned=1),
    gradient_computations=12345.0,
    confirm_gradient_computations=600.0,
    seconds=61.25,
    retrain=AGAIN,
    retrained=(AGAIN,),
)


# ---- as it is printed --------------------------------------------------------------------------


def test_a_result_is_readable_as_it_is_printed() -> None:
    assert repr(RESULT).splitlines() == [
        r"study            s\x1b[2J in sqlite:///studies.db",
        "trials           2 complete, 1 pruned",
        r"best trial       4: lr=0.1, n\n=3",
        f"validation loss  0.071235, of {TASK.folds} folds",
        "search cost      12,345 gradient computations and 600 to confirm",
        *("{:<15}  {}".format(*pair) for pair in AGAIN_SAID),
        "seconds          61.2",
    ]
    assert str(RESULT) == repr(RESULT)


AGAIN_SAID = [
    ("trained again", "trial 4, with 3 seeds"),
    ("test accuracy", "0.7277 +- 0.4137 (of each seed: 0.972, 0.25, 0.961)"),
    ("test loss", "0.8433 +- 1.2615 (of each seed: 0.11, 2.3, 0.12)"),
    (
        "failed",
        "1 of 3 seeds diverged or learned little, so this setting works with some random numbers "
        "and not with others: don't trust it, search longer or confirm more often",
    ),
    ("training cost", "1,234 gradient computations"),
    ("weights", "studies/s/trial-4"),
]


def test_a_retraining_names_each_seed_and_those_that_failed() -> None:
    assert repr(AGAIN).splitlines() == ["{:<13}  {}".format(*pair) for pair in AGAIN_SAID]
    diverged = AGAIN.model_copy(update={"test_accuracy": spread([0.9, math.nan, 0.8])})
    assert "diverged (of each seed: 0.9, -, 0.8)" in str(diverged)
    alone = AGAIN.model_copy(
        update={"seeds": 1, "failed": 0, "test_accuracy": spread([0.9]), "folder": None}
    )
    assert "with 1 seed\n" in str(alone)
    assert "of each seed" not in str(alone).split("test loss")[0]


def test_a_retraining_names_its_train_accuracy_if_it_has_one() -> None:
    assert "train accuracy" not in str(AGAIN)
    for values, said in (([0.99, 1.0, 0.98], "0.9900 +- 0.0100"), ([0.9, math.nan, 1], "diverged")):
        known = AGAIN.model_copy(update={"train_accuracy": spread(values)})
        assert f"\ntrain accuracy  {said}\n" in str(known)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("search", "in the search: open trials are queued again; the same search continues"),
        ("confirmation", "in the confirmation: the study keeps its trials and what was confirmed"),
        ("retraining", "in the retraining: the study keeps its trials and what was confirmed"),
    ],
)
def test_a_stopped_one_says_what_is_kept(part: Any, said: str) -> None:
    assert said in str(RESULT.model_copy(update={"stopped": True, "stopped_in": part}))


# ---- all trials --------------------------------------------------------------------------------


class Pandas(SimpleNamespace):
    """As much of it as is used."""

    @staticmethod
    def DataFrame(rows: list[dict[str, Any]], columns: list[str]) -> list[dict[str, Any]]:  # noqa: N802
        return [{name: row.get(name) for name in columns} for row in rows]


def test_a_table_of_all_trials(
    found: tuple[SearchResult, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", Pandas())
    result, url = found
    rows: Any = result.trials_dataframe()
    kept = optuna.load_study(study_name=result.study, storage=open_storage(url)).trials
    assert [row["number"] for row in rows] == [trial.number for trial in kept]
    assert {row["state"] for row in rows} <= {"complete", "pruned", "diverged"}
    for row, trial in zip(rows, kept, strict=True):
        assert row["value"] == trial.value
        assert row["params_lr"] == trial.params["lr"]
        assert 0 <= row["accuracy"] <= 1
        assert row["seconds"] == trial.user_attrs["seconds"]
    assert list(rows[0]) == [
        "number", "state", "value", "params_lr",
        "accuracy", "epochs", "gradient_computations", "seconds",
    ]  # fmt: skip


def test_the_table_has_room_for_trials_of_others(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    study.add_trial(
        create_trial(
            params={"x": 0.5},
            distributions={"x": FloatDistribution(0, 1)},
            value=0.25,
            user_attrs={"fold_accuracies": "none", "seconds": "long", "diverged": 3},
        )
    )
    study.add_trial(create_trial(state=TrialState.FAIL))
    study.enqueue_trial({"x": 0.5})
    monkeypatch.setitem(sys.modules, "pandas", Pandas())
    result = summarise(study, url, TASK, 1.0, [], Timesheet())
    rows: Any = result.trials_dataframe()
    assert [row["state"] for row in rows] == ["complete", "failed", "queued"]
    assert [row["value"] for row in rows] == [0.25, None, None]
    assert [row["params_x"] for row in rows] == [0.5, None, None]
    assert [row["accuracy"] for row in rows] == [None] * 3
    assert [row["seconds"] for row in rows] == [None] * 3


def test_a_continued_trial_says_what_it_took_over(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that what was spent is not summed up twice."""
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    study.tell(study.ask(), 1.0)
    trial = study.ask()
    for name, given in {"continued": 6, "inherited": 60.0, "gradient_computations": 80.0}.items():
        trial.set_user_attr(name, given)
    study.tell(trial, 0.5)
    monkeypatch.setitem(sys.modules, "pandas", Pandas())
    rows: Any = summarise(study, url, TASK, 1.0, [], Timesheet()).trials_dataframe()
    assert list(rows[0])[-4:] == ["gradient_computations", "continued", "inherited", "seconds"]
    assert [(row["continued"], row["inherited"]) for row in rows] == [(None, None), (6, 60.0)]


def test_with_the_real_pandas(found: tuple[SearchResult, str]) -> None:
    pytest.importorskip("pandas")
    table = found[0].trials_dataframe()
    assert len(table) == sum(found[0].trials.model_dump().values())
    assert table["value"].min() > 0


def test_without_pandas_a_sentence(
    found: tuple[SearchResult, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(VrtuneError, match="needs pandas: pip install pandas"):
        found[0].trials_dataframe()


# ---- what is kept of it ------------------------------------------------------------------------

URL = "postgresql://me:secret@host/db"


def test_no_password_is_part_of_it_and_the_open_study_is_none(url: str) -> None:
    study = optuna.create_study(study_name="s", storage=open_storage(url))
    result = summarise(study, URL, TASK, 1.0, [], Timesheet())
    assert result.storage == "postgresql://me:***@host/db"
    for text in (repr(result), result.model_dump_json(), str(vars(result)), repr(result.__dict__)):
        assert "secret" not in text
    assert b"secret" not in pickle.dumps(result)
    assert result._opened.study is study
    assert result == summarise(study, URL, TASK, 1.0, [], Timesheet())
    for other in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result)):
        assert other == result
        assert other._opened.study is None
    assert SearchResult.model_validate_json(result.model_dump_json()) == result


def test_a_result_that_was_stored_opens_its_study_again(
    found: tuple[SearchResult, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", Pandas())
    stored = pickle.loads(pickle.dumps(found[0]))
    assert len(stored.trials_dataframe()) == len(trials_of(found[1], stored.study))
    hidden = stored.model_copy(update={"storage": "postgresql://me:***@host/db"})
    assert hidden._opened == Opened()
    with pytest.raises(UsageError, match=r"has no password: use optuna\.load_study"):
        hidden.trials_dataframe()
