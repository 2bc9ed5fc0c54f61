"""The best trials are judged again on fresh starts before one is chosen."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial
from reference.small_search import SPACE, TASK, trials_of

from vrtune import SGD, Task, TrialConfig, search
from vrtune.errors import UsageError
from vrtune.events import Confirming, Event, Stopped
from vrtune.searching.confirm import MOST, confirm
from vrtune.searching.plan import Work, plan
from vrtune.searching.prepare import prepare, understand
from vrtune.searching.processes import Processes
from vrtune.searching.result import SearchResult
from vrtune.searching.search import conclude, run
from vrtune.searching.settings import SearchSettings
from vrtune.searching.timesheet import Timesheet
from vrtune.storages.opening import open_storage
from vrtune.studies import pace
from vrtune.studies.choice import (
    Confirmed,
    candidates,
    confirmation,
    confirmations,
    keep,
    ranked,
)
from vrtune.studies.configs import read_config
from vrtune.studies.record import load_study
from vrtune.studies.retrained import retrained

GENTLE = """
from vrtune import SGD, TrialConfig
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=trial.suggest_float("lr", 0.08, 0.12)))
"""
FIXED = """
from vrtune import SGD, TrialConfig
def suggest(trial):
    return TrialConfig(optimizer=SGD(lr=0.1))
"""
SMALL = Task(model="softmax", folds=2, epochs=1, limit=100)


@pytest.fixture(autouse=True)
def _empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are kept where the test runs."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def gentle(tmp_path: Path) -> str:
    """A space whose settings all learn about as much."""
    (tmp_path / "gentle.py").write_text(GENTLE)
    return str(tmp_path / "gentle.py")


def searched(url: str, **given: Any) -> SearchResult:
    return search("sgd", SMALL, **{"trials": 4, "jobs": 1, "study": "s", "storage": url, **given})


def silent(event: Event) -> None: ...


def worked(url: str, trials: int = 4, space: str = SPACE, **given: Any) -> Work:
    """A search whose trials are done and none of them judged again."""
    given = {"sampler": "random", "pruner": "none", "jobs": 1, "confirm": 2, **given}
    settings = SearchSettings(storage=url, study="s", trials=trials, **given)
    work = plan(prepare(understand(space, TASK, settings)))
    with Processes(0) as processes:
        run(work, processes, silent)
    return work


def fails(monkeypatch: pytest.MonkeyPatch, *numbers: int) -> None:
    """These trials diverge when they are judged again; without numbers all do."""

    def read(study: optuna.Study, trial: FrozenTrial) -> TrialConfig:
        wild = TrialConfig(optimizer=SGD(lr=1e38))
        return wild if not numbers or trial.number in numbers else read_config(study, trial)

    monkeypatch.setattr("vrtune.searching.confirm.read_config", read)


# ---- through search() --------------------------------------------------------------------------


def test_the_chosen_trial_was_judged_on_fresh_starts(url: str) -> None:
    result = searched(url, confirm=2, retrain_seeds=1)
    best = result.best
    assert best is not None
    assert best.confirmed is not None
    fresh = [loss for losses in best.confirmed.losses for loss in losses]
    assert [len(losses) for losses in best.confirmed.losses] == [2, 2], "repeats, folds"
    assert len({*fresh, *best.fold_values}) == 6, "other weights and batches each time"
    assert best.confirmed.trainings == 6
    assert best.confirmed.mean == pytest.approx(sum([*fresh, *best.fold_values]) / 6)
    assert all(0 <= a <= 1 for row in best.confirmed.accuracies for a in row)
    assert result.retrain is not None
    assert result.retrain.trial == best.number


def test_the_study_keeps_it_and_the_result_counts_it(url: str) -> None:
    result = searched(url, confirm=2, retrain_seeds=1)
    study = load_study(open_storage(url), "s", url)
    kept = confirmations(study)
    assert result.confirmed == len(kept) > 0
    costs = {t.number: t.user_attrs["gradient_computations"] for t in study.trials}
    for record in kept:
        assert record.gradient_computations == pytest.approx(2 * costs[record.trial])
    assert result.confirm_gradient_computations == sum(c.gradient_computations for c in kept)
    assert result.gradient_computations == sum(costs.values()), "of the trials alone"
    assert result.best is not None
    assert result.best.confirmed == confirmation(study, result.best.number)


@pytest.mark.parametrize("given", [{"confirm": 0, "retrain_seeds": 1}, {"retrain": 0}])
def test_nothing_is_judged_again_unasked_or_if_nothing_is_chosen(
    url: str, given: dict[str, int]
) -> None:
    heard: list[Event] = []
    result = searched(url, progress=heard.append, **given)
    assert (result.confirmed, result.confirm_gradient_computations) == (0, 0.0)
    assert result.best is not None
    assert result.best.confirmed is None
    assert not any(isinstance(event, Confirming) for event in heard)
    assert result.best.number == min(trials_of(url), key=lambda t: t.value or math.inf).number


def test_it_is_judged_again_without_a_retraining_where_that_is_asked_for(url: str) -> None:
    best = searched(url, confirm=1, retrain=0).best
    assert best is not None
    assert best.confirmed is not None
    assert len(best.confirmed.losses) == 1
    assert retrained(load_study(open_storage(url), "s", url), best.number) is None


def test_a_grid_that_was_run_is_judged_again_where_more_is_asked_for(
    tmp_path: Path, url: str
) -> None:
    """As after a search that was stopped while it judged its best again."""
    given: dict[str, Any] = {"sampler": "grid", "retrain": 0, "jobs": 1, "storage": url}
    space = str(tmp_path / "two.py")
    Path(space).write_text(GENTLE + 'GRID = {"lr": [0.09, 0.11]}')
    assert search(space, SMALL, study="g", **given).confirmed == 0
    with pytest.raises(UsageError, match="has run its whole grid"):
        search(space, SMALL, study="g", **given)
    assert search(space, SMALL, study="g", confirm=1, **given).confirmed >= 1
    with pytest.raises(UsageError, match="has run its whole grid"):
        search(space, SMALL, study="g", confirm=1, **given)


def test_two_runs_are_equal(tmp_path: Path) -> None:
    urls = [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "other")]
    one, other = (searched(url, confirm=2, retrain_seeds=1) for url in urls)
    studies = [load_study(open_storage(url), "s", url) for url in urls]
    assert confirmations(studies[0]) == confirmations(studies[1])
    assert one.best == other.best
    assert one.retrain is not None
    assert other.retrain is not None
    assert one.retrain.test_loss == other.retrain.test_loss


# ---- which, and how often ----------------------------------------------------------------------


def test_it_ends_with_the_first_that_stays_the_most_promising(url: str) -> None:
    work, heard = worked(url), list[Event]()
    confirm(work, heard.append)
    found = candidates(work.study)
    assert found[0].confirmed is not None
    judged = [event.trial for event in heard if isinstance(event, Confirming) and event.epoch]
    begun = [event for event in heard if isinstance(event, Confirming) and not event.epoch]
    repeats = [len(confirmed.losses) for confirmed in confirmations(work.study)]
    assert len(judged) == TASK.epochs * sum(repeats)
    assert sorted(event.time for event in begun) == sorted(n + 1 for r in repeats for n in range(r))
    assert max(repeats) == found[0].repeats
    assert judged[0] == min(trials_of(url), key=lambda t: t.value or math.inf).number
    before = len(heard)
    confirm(work, heard.append)
    assert len(heard) == before, "what was judged is not judged again"


def test_more_repeats_than_before_are_done(url: str) -> None:
    work = worked(url, confirm=1)
    confirm(work, silent)
    (once, *_) = confirmations(work.study)
    more = worked(url, trials=1, confirm=3)
    keep(more.study, once)
    confirm(more, silent)
    best = candidates(more.study)[0].confirmed
    assert best is not None
    assert len(best.losses) == 3
    again = confirmation(more.study, once.trial)
    assert again is not None
    assert again.losses[0] == pytest.approx(once.losses[0], rel=1e-5), "of the same starts"


def test_a_trial_that_fails_on_fresh_starts_is_passed_over(
    url: str, gentle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = worked(url, space=gentle, retrain_seeds=1)
    first, second = [t.number for t in ranked(work.study)][:2]
    fails(monkeypatch, first)
    result = conclude(work, Timesheet(), stopped=False, progress=silent)
    lucky = confirmation(work.study, first)
    assert lucky is not None
    assert lucky.failed == 2
    assert result.best is not None
    assert result.best.number == second
    assert [again.trial for again in result.retrained] == [second]


def test_a_trial_known_to_fail_is_not_judged_again(url: str, gentle: str) -> None:
    work, heard = worked(url, space=gentle), list[Event]()
    first = ranked(work.study)[0]
    one, other = first.user_attrs["fold_values"]
    keep(
        work.study,
        Confirmed(
            trial=first.number, losses=[[one, 99.0], [one, other]], accuracies=[[1.0, 0.1]] * 2,
            failed=1, trainings=6, gradient_computations=1.0, mean=0.01,
        ),
    )  # fmt: skip
    confirm(work, heard.append)
    assert ranked(work.study)[0].number != first.number
    assert first.number not in [event.trial for event in heard if isinstance(event, Confirming)]


def test_the_same_settings_are_judged_once(tmp_path: Path, url: str) -> None:
    path = tmp_path / "fixed.py"
    path.write_text(FIXED)
    settings = SearchSettings(storage=url, study="s", trials=3, jobs=1, confirm=2, pruner="none")
    work = plan(prepare(understand(path, TASK, settings)))
    with Processes(0) as processes:
        run(work, processes, silent)
    confirm(work, silent)
    assert [len(c.losses) for c in confirmations(work.study)] == [2]


def test_nothing_is_judged_where_nothing_learns(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every training of every trial is no better than a guess."""
    work = worked(url)
    monkeypatch.setattr("vrtune.studies.choice.failure_limit", lambda losses, classes: 0.0)
    confirm(work, silent)
    assert confirmations(work.study) == []


def test_no_more_than_a_few_are_judged(
    url: str, gentle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = worked(url, trials=MOST + 2, space=gentle, confirm=1)
    fails(monkeypatch)
    confirm(work, silent)
    assert len(confirmations(work.study)) == MOST
    assert ranked(work.study)[0].number in [c.trial for c in confirmations(work.study)]


def test_one_that_diverges_on_fresh_starts(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    work = worked(url, trials=1)
    fails(monkeypatch)
    confirm(work, silent)
    (found,) = confirmations(work.study)
    assert found.losses == [[None, None]] * 2
    assert (found.mean, found.trainings) == (None, 6)
    assert found.failed >= 4
    assert [trial.number for trial in ranked(work.study)] == [0]


def test_a_study_without_a_complete_trial_has_nothing_to_judge(url: str) -> None:
    settings = SearchSettings(storage=url, study="s", jobs=1)
    work = plan(prepare(understand(SPACE, TASK, settings)))
    confirm(work, silent)
    assert confirmations(work.study) == []


def test_judging_again_goes_on_where_it_was_cut_off(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And comes to the same, bit for bit."""
    monkeypatch.setattr(pace, "LEAST_S", 0.0)
    monkeypatch.setattr(pace, "SHARE", 1e9)
    (tmp_path / "other").mkdir()
    work, usual = worked(url), worked(f"sqlite:///{tmp_path}/other/studies.db")
    confirm(usual, silent)
    heard: list[int] = []

    def cut_off(event: Event) -> None:
        if isinstance(event, Confirming) and event.epoch == 1:
            raise Stopped

    def listen(event: Event) -> None:
        if isinstance(event, Confirming):
            heard.append(event.epoch)

    with pytest.raises(Stopped):
        confirm(work, cut_off)
    confirm(work, listen)
    assert heard[:2] == [1, 2], "the first epoch was not trained again"
    assert confirmations(work.study) == confirmations(usual.study)
