"""The note of a study in the dashboard: what it says, and that nobody's own is overwritten."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState, create_trial
from optuna_dashboard import get_note, save_note

from vrtune.config import Task
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.faults import StorageFault
from vrtune.storages.opening import open_storage, open_to_read
from vrtune.studies.choice import Confirmed
from vrtune.studies.choice import keep as keep_confirmed
from vrtune.studies.note import LONGEST, MARKS, PART, note, write_note
from vrtune.studies.record import RECORD, StudyRecord, load_study, open_study
from vrtune.studies.retrained import Retrained, keep, spread

NOW = StudyRecord(task=Task(), space="svrg", fingerprint="0" * 16, data_dir="d", version="0")


def made(name: str = "s", **task: Any) -> optuna.Study:
    record = NOW.model_copy(update={"task": Task(**task)})
    return open_study(InMemoryStorage(), name, record)


def add(study: optuna.Study, value: float | None, name: str = "lr", **attrs: Any) -> None:
    kept = {"config": {}, "gradient_computations": 10.0, "fold_values": [value, value], **attrs}
    study.add_trial(
        create_trial(
            state=TrialState.PRUNED if value is None else TrialState.COMPLETE,
            value=value,
            params={name: 0.25},
            distributions={name: FloatDistribution(0, 1)},
            user_attrs=kept,
        )
    )


def chosen(**more: Any) -> optuna.Study:
    """A study with a trial that was chosen, confirmed and trained again."""
    study = made()
    add(study, 0.5, fold_values=[0.4, 0.6])
    add(study, 0.75)
    add(study, None, fold_values=[None, 1.0])
    again: list[list[float | None]] = [[0.4, 0.8], [0.6, 0.4]]
    keep_confirmed(
        study,
        Confirmed(
            trial=0, losses=again, accuracies=again, trainings=6, gradient_computations=4000.0,
            mean=0.5333, classes=10,
        ),
    )  # fmt: skip
    keep(
        study,
        Retrained(
            trial=0, seeds=2, test_accuracy=spread([0.9, 0.8]), test_loss=spread([0.25, 0.35]),
            train_losses=[[1.0], [1.0]], gradient_computations=200.0, **more,
        ),
    )  # fmt: skip
    return study


def line_of(text: str, word: str) -> str:
    (found,) = [line for line in text.splitlines() if word in line]
    return found


# ---- what it says ------------------------------------------------------------------------------


def test_it_says_what_was_found_and_at_what_cost() -> None:
    text = note(chosen(train_accuracy=spread([1.0, 0.98])))
    assert text.splitlines()[0] == "**validation loss 0.5** (2 complete, 1 pruned)"
    assert "lr = 0.25" in line_of(text, "**Trial 0**")
    assert "0.5 +- 0.14 over 2 folds" in text
    assert "0.53333 +- 0.16 over all 6 trainings, 4 of them on fresh starts; none failed" in text
    assert (
        line_of(text, "test accuracy") == "- test accuracy 0.85 +- 0.071 (of each seed: 0.9, 0.8)"
    )
    assert "- test loss 0.3 +- 0.071" in text
    assert "- train accuracy 0.99" in text
    cost = "30 gradient computations, 4,000 to confirm, 200 to train again."
    assert line_of(text, "cost").endswith(cost)
    assert "Lower is better" in line_of(text, "curves:")
    assert "**svrg** on **digits** with the model **lenet**" in text
    assert "20 epochs in batches of 32 and are judged on 4 folds." in text


def test_it_says_what_an_older_vrtune_kept() -> None:
    text = note(chosen(failed=1))
    assert "train accuracy" not in text
    assert "**1 of 2 seeds diverged or learned little**" in text


def test_a_study_without_a_complete_trial() -> None:
    study = made(holdout=0.2, init="metainit", limit=100, seed=3)
    text = note(study)
    assert text.startswith("**no trial is complete yet** (0 complete, 0 pruned)")
    assert "a held-out part (0.2 of the data), 100 training samples, init metainit, seed 3." in text
    assert "chosen" not in text
    add(study, None, fold_values=[None])
    assert "(0 complete, 1 pruned)" in note(study)


def test_diverged_and_damaged_figures_break_nothing() -> None:
    study = made()
    add(study, 0.5, fold_values="text", gradient_computations="many")
    nothing = spread([float("nan"), 1.0])
    keep(
        study,
        Retrained(
            trial=0, seeds=2, test_accuracy=nothing, test_loss=nothing, train_losses=[],
            gradient_computations=1.0,
        ),
    )  # fmt: skip
    assert "test loss (diverged in some) (of each seed: -, 1)" in note(study)


def test_the_commands_can_be_copied() -> None:
    assert "```sh\nvrtune report s\nvrtune export s\nvrtune retrain s\n```\n" in note(made())
    secret = "postgresql://me:hunter2@host/lab"
    text = note(made("-my study"), secret)
    assert "hunter2" not in text
    assert "vrtune export --storage 'postgresql://me:***@host/lab' -- '-my study'\n" in text


def test_names_of_others_are_no_markdown() -> None:
    study = made(dataset="/data/[x](http:evil).npz")
    study = open_study(study._storage, "```\n# x", read(study))
    add(study, 0.5, name="<img src=x>*_|$")
    text = note(study)
    assert r"\<img src\=x\>\*\_\|\$ = 0.25" in text
    assert r"\[x\]\(http\:evil\)\.npz" in text
    assert "````sh\n" in text, "a fence that its commands do not end"
    assert "\n# x" not in text


def read(study: optuna.Study) -> StudyRecord:
    return StudyRecord.model_validate(study.user_attrs[RECORD])


# ---- whose it is -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["studies.db", "studies.journal"])
def test_the_dashboard_shows_it(tmp_path: Path, name: str) -> None:
    url = str(tmp_path / name)
    study = open_study(open_storage(url), "s", NOW)
    assert write_note(study, url)
    assert get_note(study) == note(study, url)


def test_it_is_renewed() -> None:
    study = made()
    assert write_note(study)
    add(study, 0.5)
    assert write_note(study)
    assert get_note(study).startswith("**validation loss 0.5** (1 complete")


def test_a_long_note_and_a_shorter_one_after_it() -> None:
    study = made("n" * LONGEST)
    write_note(study)
    assert len(get_note(study)) > 3 * LONGEST
    short = open_study(study._storage, "t", NOW)
    for key, value in study._storage.get_study_system_attrs(study._study_id).items():
        study._storage.set_study_system_attr(short._study_id, key, value)
    assert write_note(short)
    assert get_note(short) == note(short)


@pytest.mark.parametrize("change", [lambda text: "mine", lambda text: text + "and more"])
def test_what_somebody_wrote_stays(change: Callable[[str], str]) -> None:
    study = made()
    save_note(study, change(note(study)))
    assert not write_note(study)
    fresh = made()
    write_note(fresh)
    save_note(fresh, change(get_note(fresh)))
    add(fresh, 0.5)
    for _ in range(2):
        assert not write_note(fresh)
        assert get_note(fresh) == change(note(made()))


def test_a_note_that_was_emptied_is_written_anew() -> None:
    study = made()
    write_note(study)
    save_note(study, "")
    assert write_note(study)
    assert get_note(study)


def test_a_crash_in_between_leaves_one_that_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    study = made()
    write_note(study)
    add(study, 0.5)
    for last in range(1, 4):
        count = 0
        keep = type(study._storage).set_study_system_attr

        def dies(self: Any, *given: Any, last: int = last, keep: Any = keep) -> None:
            nonlocal count
            count += 1
            if count == last:
                raise KeyboardInterrupt
            keep(self, *given)

        with monkeypatch.context() as patch:
            patch.setattr(type(study._storage), "set_study_system_attr", dies)
            with pytest.raises(KeyboardInterrupt):
                write_note(study)
    assert write_note(study)
    assert get_note(study) == note(study)


@pytest.mark.parametrize(
    "damage",
    [
        {"dashboard:note_ver": "x"},
        {"dashboard:note_ver": None},
        {"dashboard:note_ver": float("inf")},
        {f"{PART}0": 3},
        {f"{PART}1": "the first is gone"},
        {MARKS: 3, f"{PART}0": "text"},
    ],
)
def test_a_note_that_can_not_be_read_is_left(damage: dict[str, Any]) -> None:
    study = made()
    for name, value in damage.items():
        study._storage.set_study_system_attr(study._study_id, name, value)
    before = study._storage.get_study_system_attrs(study._study_id)
    assert not write_note(study)
    assert study._storage.get_study_system_attrs(study._study_id) == before


def test_others_studies_get_none() -> None:
    theirs = optuna.create_study()
    assert not write_note(theirs)
    assert get_note(theirs) == ""
    with pytest.raises(UsageError):
        note(theirs)


def test_a_storage_that_fails_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    study = open_study(open_storage(url), "s", NOW)

    def away(*_: object) -> None:
        raise StorageFault("the storage is away")

    monkeypatch.setattr(type(study._storage), "set_study_system_attr", away)
    with pytest.raises(StorageFault):
        write_note(study, url)


def test_a_journal_that_is_read_can_be_described(tmp_path: Path) -> None:
    url = str(tmp_path / "a.journal")
    open_study(open_storage(url), "s", NOW)
    opened = load_study(open_to_read(url), "s", url)
    assert note(opened, url)
    with pytest.raises(VrtuneError):
        write_note(opened, url)
