"""compare(): what is said of studies whose truth is known, and how it looks."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import pytest
from optuna.distributions import CategoricalDistribution
from optuna.trial import create_trial
from reference.made_up import TASK, make
from rich.cells import cell_len

from vrtune.comparing.compare import Comparison, compare
from vrtune.config import Task
from vrtune.errors import UsageError
from vrtune.searching.result import SearchResult
from vrtune.storages.opening import open_to_read
from vrtune.studies.record import load_study

EVEN = [0.20, 0.24, 0.22, 0.26]


def shifted(losses: Sequence[float], by: float) -> list[float]:
    """Almost the same difference on every fold."""
    return [loss + by * (1 + 0.02 * (-1) ** i) for i, loss in enumerate(losses)]


@pytest.fixture
def known(url: str) -> str:
    """adam is far better than sgd, fold by fold and seed by seed; storm ended nothing."""
    make(url, "sgd", shifted(EVEN, 0.5), pruned=3, again=[0.70, 0.72, 0.71])
    make(url, "adam", EVEN, cost=250.0, again=[0.9, 0.921, 0.911])
    make(url, "storm", pruned=2)
    return url


def said(found: Comparison, kind: str) -> str | None:
    return next(v.winner for v in found.verdicts if v.kind == kind)


def test_a_winner_is_found_and_named(known: str) -> None:
    found = compare("sgd", "adam", storage=known)
    assert (said(found, "folds"), said(found, "seeds")) == ("adam", "adam")
    assert "adam wins" in found.conclusion
    by_fold = found.differences[0]
    assert (by_fold.first, by_fold.second, by_fold.kind, by_fold.n) == ("sgd", "adam", "folds", 4)
    assert by_fold.mean == pytest.approx(0.5, rel=0.05)
    text = found.text(80)
    assert found.conclusion.split()[:2] == text.rpartition("conclusion")[2].split()[:2]


def test_no_winner_is_said_in_words(url: str) -> None:
    make(url, "sgd", EVEN, again=[0.9, 0.91])
    make(url, "adam", [0.24, 0.20, 0.26, 0.22], again=[0.91, 0.9])
    found = compare(storage=url)
    assert {v.winner for v in found.verdicts} == {None}
    assert "no winner" in found.text().partition("conclusion")[2]
    assert "**" not in found.markdown()
    assert r"\textbf" not in found.latex()


def test_what_can_be_told_from_others_is_bold(known: str) -> None:
    found = compare("sgd", "adam", storage=known)
    sgd, adam = found.markdown().splitlines()[2:4]
    assert "**" not in sgd
    assert "**0.230 ± 0.026**" in adam
    assert r"\textbf{0.230 $\pm$ 0.026}" in found.latex()


def test_a_study_without_a_complete_trial_has_dashes(known: str) -> None:
    found = compare(storage=known)
    lines = found.text(80).splitlines()
    assert next(line.split() for line in lines if line.startswith("storm ")) == ["storm", *"----"]
    assert "storm: no complete trial: search longer" in map(str, found.notes)


def test_what_is_missing_comes_with_the_command_that_makes_it(url: str) -> None:
    make(url, "sgd x", EVEN, again=[0.9])
    make(url, "-adam", EVEN, space="adam")
    found = compare(storage=url)
    lines = [line.strip() for line in found.text(60).splitlines()]
    assert f"vrtune retrain --storage {url} -- -adam" in lines  # in one piece
    assert f"vrtune retrain 'sgd x' --storage {url}" in lines
    assert "adam: not trained again and tested:" in lines
    make(url, "storm", EVEN)
    assert "adam, storm: not trained again and tested; for adam:" in compare(storage=url).text()


def test_repeats_stand_side_by_side(url: str) -> None:
    for seed in (1, 2):
        task = Task.model_validate(TASK.model_dump() | {"seed": seed})
        make(url, f"sgd-{seed}", EVEN, task=task)
    found = compare(storage=url)
    assert [(row.method, row.seed) for row in found.rows] == [("sgd-1", 1), ("sgd-2", 2)]
    assert all(d.mean is None and "seed 1 and 2" in d.note for d in found.differences)
    assert found.task is not None


def test_other_tasks_are_compared_only_where_that_is_asked_for(url: str) -> None:
    make(url, "sgd", EVEN)
    make(url, "adam", EVEN, task=Task.model_validate(TASK.model_dump() | {"epochs": 9}))
    with pytest.raises(UsageError, match=r"different tasks \(epochs 2 and 9\)"):
        compare("sgd", "adam", storage=url)
    found = compare("sgd", "adam", storage=url, any_task=True)
    assert found.task is None
    assert all(d.p is None and "epochs 2 and 9" in d.note for d in found.differences)
    assert {v.winner for v in found.verdicts} == {None}
    assert "epochs 2 and 9" in found.text()


def test_of_many_methods_the_pairs_with_the_best_are_shown(url: str) -> None:
    for i in range(8):
        make(url, f"m{i}", shifted(EVEN, 0.1 * abs(i - 3)))
    found = compare(storage=url)
    pairs = [line for line in found.text().splitlines() if line.startswith("m") and " - m" in line]
    assert len(pairs) == 3 * 7  # by fold, and at two equal budgets: by seed there is nothing
    assert all("m3" in line.split("  ")[0] for line in pairs)
    assert "only the pairs with the best of each table are shown; all 28: --pairs" in " ".join(
        found.text().split()
    )
    every = found.text(pairs=True)
    assert sum(" - m" in line.split("  ")[0] for line in every.splitlines()) == 3 * 28
    assert "conclusion" not in every
    assert found.csv(pairs=True).count("\n") == 1 + 4 * 28
    assert found.markdown(pairs=True).count("\n| m") == 28


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_it_is_as_wide_as_the_terminal(known: str, width: int) -> None:
    found = compare(storage=known)
    wide = [line for line in found.text(width).splitlines() if cell_len(line) > width]
    assert all(line.strip().startswith("vrtune ") for line in wide)  # to be copied
    assert len(found.text(200).splitlines()) < len(found.text(80).splitlines())


def test_each_way_of_comparing_has_its_own_best(url: str) -> None:
    """Or a verdict would rest on pairs that nobody sees."""
    for i in range(7):
        again = [0.9 - abs(i - 5) / 50 + j / 1000 for j in range(3)]
        make(url, f"m{i}", shifted(EVEN, 0.1 * abs(i - 3)), again=again)
    tables = compare(storage=url).text().split("\n\n")
    for heading, best in (("loss by fold", "m3"), ("accuracy by seed", "m5")):
        (table,) = (table for table in tables if f"  {heading}" in table.splitlines()[0])
        rows = [line.split("  ")[0] for line in table.splitlines()[1:]]
        assert len(rows) == 6
        assert all(best in row for row in rows)


def test_a_terminal_sees_no_control_characters(url: str) -> None:
    make(url, "sgd", EVEN, space="\x1b[31mred\u202e")
    make(url, "adam", EVEN, params={"l\nr": 0.1})
    found = compare(storage=url)
    for text in (found.text(), found.markdown(), found.latex(), found._repr_html_()):
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert r"\x1b[31mred\u202e" in found.text()
    assert r"l\nr=0.1" in found.text()


def test_the_representation_is_the_text(known: str) -> None:
    found = compare(storage=known)
    assert repr(found) == str(found) == found.text(100)
    assert "<td>adam</td>" in found._repr_html_()


def test_one_study_has_a_table_and_nothing_to_be_compared_with(
    found: tuple[SearchResult, str],
) -> None:
    result, url = found
    alone = compare(result.study, storage=url)
    assert (alone.differences, alone.verdicts) == ((), ())
    assert "first - second" not in alone.text()
    assert len(alone.rows) == 1


def test_nothing_is_written(known: str) -> None:
    study = load_study(open_to_read(known), "sgd", known)
    before = (dict(study.user_attrs), len(study.trials))
    compare(storage=known)
    study = load_study(open_to_read(known), "sgd", known)
    assert (dict(study.user_attrs), len(study.trials)) == before


@pytest.mark.parametrize("rope", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rope_is_a_number_above_0(known: str, rope: float) -> None:
    with pytest.raises(UsageError, match="rope: "):
        compare(storage=known, rope=rope)


@pytest.mark.parametrize("given", [(1,), (None,), (io.StringIO(),)])
def test_names_are_texts(known: str, given: tuple[object, ...]) -> None:
    with pytest.raises(UsageError, match="studies: "):
        compare(*given, storage=known)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "junk",
    [
        *(None, True, "x", -1, 1e308, 10**400, [], [None], ["a"], {"a": 1}),
        *([math.nan] * 4, [1e308] * 4, [10**400] * 4),
    ],
)
def test_what_others_wrote_breaks_nothing(url: str, junk: object) -> None:
    study = make(url, "sgd", EVEN, again=[0.9, 0.8])
    make(url, "adam", EVEN, again=[0.9, 0.8])
    names = ("gradient_computations", "fold_values", "fold_accuracies", "seconds", "diverged")
    for value in (0.1, 1e308):
        study.add_trial(
            create_trial(
                value=value,
                params={"c": None},
                distributions={"c": CategoricalDistribution([None, "\x1b"])},
                user_attrs={"config": {}, **dict.fromkeys(names, junk)},
                system_attrs={"folds:2": junk, "costs": junk},
                intermediate_values={2: value, 0: value} if value < 1 else {0: value},
            )
        )
    for name in ("retrain-1", "confirm-0", "diagnosis-1", "search x"):
        study.set_user_attr(name, junk)
    kept = study.user_attrs["retrain-0"]
    if isinstance(junk, int | float):
        study.set_user_attr("retrain-1", kept | {"seeds": junk, "gradient_computations": junk})
    found = compare(storage=url)
    assert found.rows[0].trial == 1
    assert Comparison.model_validate_json(found.model_dump_json()) == found
    for text in (found.text(), found.markdown(), found.latex(), found.csv(), found._repr_html_()):
        assert "c=-" in text or "null" in text
