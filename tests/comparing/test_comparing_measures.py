"""Studies that are judged by something else than a loss: what is better is told as such."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import replace

import pytest
from reference.literal_trials import tried, tuned
from reference.made_up import make

from vrtune.comparing.compare import Comparison, compare
from vrtune.comparing.tunability import best_at, tunability
from vrtune.comparing.tuned import Tuned
from vrtune.config import Task
from vrtune.display.measures import LOSS, Measure
from vrtune.errors import UsageError

ERROR = Measure("error", "error", "minimize")
ACCURACY = Measure("accuracy", "accuracy", "maximize")
R2 = Measure("r2", "r2", "maximize")
NUMBERS = Measure("loss", "r2", "minimize")
EVEN = [0.20, 0.24, 0.22, 0.26]
FAR = [0.35, 0.385, 0.37, 0.415]
SLIGHTLY = [0.21, 0.235, 0.23, 0.255]
SEEDS = {"sgd": [0.80, 0.81, 0.79], "adam": [0.9, 0.921, 0.911], "storm": [0.9, 0.91, 0.93]}


def three(url: str, measure: Measure) -> Comparison:
    """adam and storm are better than sgd, by fold and by seed."""
    for name, losses in ("sgd", FAR), ("adam", EVEN), ("storm", SLIGHTLY):
        worse = [v + 0.1 for v in losses]
        again = [[v + 0.01 for v in losses], [v - 0.005 for v in losses]]
        make(
            url,
            name,
            worse,
            losses,
            measure=measure,
            again=SEEDS[name],
            train=SEEDS[name],
            confirmed=again,
        )
    return compare(storage=url)


@pytest.fixture(scope="module")
def mirrored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Comparison]:
    """The same by errors and by accuracies."""
    folder = tmp_path_factory.mktemp("mirrored")
    one, other = (
        three(f"sqlite:///{folder}/{measure.metric}.db", measure) for measure in (ERROR, ACCURACY)
    )
    return one, other


Both = tuple[Comparison, Comparison]


def test_what_is_maximised_gets_the_same_verdicts(mirrored: Both) -> None:
    by_error, by_accuracy = mirrored
    for one, other in zip(by_error.verdicts, by_accuracy.verdicts, strict=True):
        assert (one.winner, one.best, one.level, one.worse) == (
            *(other.winner, other.best, other.level, other.worse),
        )
        assert (one.claim, one.sentence) == (other.claim, other.sentence)
    assert by_error.conclusion == by_accuracy.conclusion
    assert {v.best for v in by_accuracy.verdicts if v.kind != "seeds"} == {"adam"}
    assert [v.worse for v in by_accuracy.verdicts if v.kind == "folds"] == [["sgd"]]


def test_differences_are_first_minus_second_in_the_metric(mirrored: Both) -> None:
    for one, other in zip(*(found.differences for found in mirrored), strict=True):
        assert (one.direction, other.direction) == ("minimize", "maximize")
        assert one.mean == pytest.approx(-(other.mean or 0.0))
        assert (one.low, one.high) == (pytest.approx(-other.high), pytest.approx(-other.low))
        assert (one.p, one.p_holm) == (pytest.approx(other.p), pytest.approx(other.p_holm))
    first = mirrored[1].differences[0]
    assert (first.first, first.second, first.measure) == ("sgd", "adam", "validation accuracy")
    assert first.mean == pytest.approx(-0.15, abs=0.01)
    assert first.second_better is not None
    assert first.second_better > 0.9
    assert next(d.measure for d in mirrored[1].differences if d.kind == "seeds") == "test accuracy"


def test_tables_name_the_metric_and_mark_its_best(mirrored: Both) -> None:
    head, _, sgd, adam, _ = mirrored[1].markdown().partition("\n\n")[0].splitlines()
    assert head.startswith(
        "| method | validation accuracy | val. loss | test accuracy | train accuracy | "
        "accuracy, all starts | failed | accuracy, 2 trials |"
    )
    cells = [cell.strip() for cell in adam.split("|")]
    assert cells[2:4] == ["0.770 ± 0.026", "0.230 ± 0.026"]
    assert cells[6].startswith("**0.7")
    assert "**" not in sgd
    pairs = mirrored[1].text(pairs=True)
    assert "accuracy by fold" in pairs
    assert "accuracy by seed" in pairs
    assert "error by fold" in mirrored[0].text(pairs=True)


def test_csv_and_json_name_the_metric(mirrored: Both) -> None:
    line = next(csv.DictReader(io.StringIO(mirrored[1].csv())))
    assert (line["metric"], line["direction"]) == ("accuracy", "maximize")
    assert float(line["validation_accuracy_mean"]) == pytest.approx(1 - 0.38)
    assert float(line["validation_loss_mean"]) == pytest.approx(0.38)
    assert float(line["all_starts_value"]) == pytest.approx(1 - float(line["all_starts_loss"]))
    assert float(line["equal_trials_value"]) == pytest.approx(1 - 0.38)
    pair = next(csv.DictReader(io.StringIO(mirrored[1].csv(pairs=True))))
    assert (pair["measure"], pair["direction"]) == ("validation accuracy", "maximize")
    kept = json.loads(mirrored[1].model_dump_json())
    assert (kept["rows"][0]["metric"], kept["rows"][0]["direction"]) == ("accuracy", "maximize")
    assert kept["differences"][0]["direction"] == "maximize"
    assert Comparison.model_validate_json(mirrored[1].model_dump_json()) == mirrored[1]


def test_of_losses_csv_is_as_it_was(url: str) -> None:
    make(url, "sgd", EVEN, again=[0.9, 0.91])
    names = compare(storage=url).csv().splitlines()[0].split(",")
    assert names[:6] == ["method", "study", "space", "init", "seed", "trial"]
    assert not {"metric", "direction", "all_starts_value"} & {*names}


@pytest.mark.parametrize("measure", [NUMBERS, R2, Measure("rmse", "rmse", "minimize")])
def test_numbers_have_no_accuracy(url: str, measure: Measure) -> None:
    make(url, "sgd", FAR, measure=measure, again=[0.8, 0.81], train=[0.85, 0.86])
    make(url, "adam", EVEN, measure=measure, again=[0.9, 0.915], train=[0.95, 0.96])
    found = compare(storage=url)
    text = found.text() + found.markdown() + found.latex() + found.text(pairs=True)
    assert "accuracy" not in text
    assert measure.value in text
    assert f"test {measure.score}" in text
    assert f"train {measure.score}" in text
    assert {v.best for v in found.verdicts} == {"adam"}
    assert found.rows[0].test_accuracy is None
    assert not [note for note in found.notes if "older" in note.text]


def test_large_numbers_get_fewer_decimals(url: str) -> None:
    rmse = Measure("rmse", "rmse", "minimize")
    make(url, "sgd", [v * 1e3 for v in FAR], measure=rmse)
    line = compare(storage=url).text().splitlines()[1]
    assert line.split()[:4] == ["sgd", "380.00", "+-", "27.39"]


def test_studies_of_other_metrics_are_other_tasks(url: str) -> None:
    make(url, "sgd", EVEN)
    make(
        url, "adam", EVEN, measure=ACCURACY, task=Task(model="softmax", epochs=2, metric="accuracy")
    )
    with pytest.raises(UsageError, match="metric loss and accuracy"):
        compare("sgd", "adam", storage=url)
    found = compare("sgd", "adam", storage=url, any_task=True)
    assert {d.mean for d in found.differences} == {None}
    head, first, second = found.text().splitlines()[:3]
    assert "validation loss" in head
    assert "validation accuracy" in head
    assert "0.2300" in first
    assert "0.7700" in second


def drawn(measure: Measure, values: Sequence[float], sampler: str = "random") -> Tuned:
    trials = [
        replace(tried(i, value=value, spent=10.0), sampler=sampler)
        for i, value in enumerate(values)
    ]
    return tuned(trials, measure=measure)


@pytest.mark.parametrize(
    ("measure", "number", "steps"),
    [(LOSS, 2, [0.5, 0.5, -0.7]), (R2, 1, [0.5, 0.8, 0.8])],
    ids=["loss", "r2"],
)
def test_the_best_so_far(measure: Measure, number: int, steps: list[float]) -> None:
    made = drawn(measure, [0.5, 0.8, -0.7], "auto")
    found = best_at(made)
    assert found is not None
    assert found.number == number
    curve = tunability([made])[0]
    assert (curve.mean, curve.measure, curve.direction) == (
        *(steps, measure.value, measure.direction),
    )


def test_what_is_to_be_expected_is_mirrored() -> None:
    losses = [0.5, 0.2, 0.4, 0.1]
    by_error = tunability([drawn(ERROR, losses)])
    by_accuracy = tunability([drawn(ACCURACY, [1 - v for v in losses])])
    for less, more in zip(by_error, by_accuracy, strict=True):
        for one, other in (less.mean, more.mean), (less.low, more.high), (less.high, more.low):
            assert other == pytest.approx([1 - (v or 0.0) for v in one])
