"""What the MNIST record says of its studies: choices beside the source's, intervals, equal cost."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from vrtune import Task, retrain, search

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    """They import one another."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def trainings(accuracies: dict[str, list[list[float]]], cost: dict[str, float]) -> dict[str, Any]:
    """Of methods, [seed][epoch]; a loss is what an accuracy lacks."""
    return {
        name: {
            "costs": [cost[name] * epoch for epoch in range(1, len(rows[0]) + 1)],
            "test_accuracies": rows,
            "test_losses": [[1 - value for value in row] for row in rows],
        }
        for name, rows in accuracies.items()
    }


def test_methods_are_compared_at_equal_cost() -> None:
    """SVRG pays twice, so after SGD's four epochs it has done two."""
    from mnist_evidence import evidence

    sgd = [[0.1, 0.2, 0.3, 0.4], [0.1, 0.2, 0.3, 0.5], [0.1, 0.2, 0.3, 0.45]]
    svrg = [[0.2, 0.3, 0.5, 0.6], [0.2, 0.32, 0.5, 0.7], [0.2, 0.3, 0.5, 0.8]]
    said = evidence(trainings({"sgd": sgd, "svrg": svrg}, {"sgd": 10.0, "svrg": 20.0}))
    end, equal = said["after the last epoch"], said["after SGD's gradient computations"]
    assert equal["gradient_computations"] == 40.0
    assert end["accuracy"]["methods"]["svrg"]["mean"] == pytest.approx(0.7)
    assert equal["accuracy"]["methods"]["svrg"]["mean"] == pytest.approx(0.92 / 3)
    (pair,) = equal["accuracy"]["pairs"]
    known = stats.ttest_rel([0.4, 0.5, 0.45], [0.3, 0.32, 0.3])
    assert pair["p"] == pytest.approx(known.pvalue)
    assert pair["mean"] == pytest.approx(0.43 / 3)
    (loss,) = equal["loss"]["pairs"]
    assert loss["mean"] == pytest.approx(-pair["mean"])


def test_an_interval_is_student_s() -> None:
    from mnist_evidence import interval

    values = [0.99, 0.991, 0.989, 0.993]
    said, known = interval(values), stats.sem(values)
    ends = stats.t.interval(0.95, 3, sum(values) / 4, known)
    assert (said["low"], said["high"]) == pytest.approx(ends)


def test_a_study_stands_beside_the_source_s(tmp_path: Path, monkeypatch: Any) -> None:
    from mnist_parts.found import found

    monkeypatch.chdir(tmp_path)
    url = "sqlite:///studies.db"
    task = Task(model="softmax", folds=2, epochs=2, limit=100)
    search(
        "sgd", task, study="sgd", sampler="grid", jobs=1, storage=url, confirm=1, retrain=0
    )  # as benchmarks/mnist_study.py has it
    retrain("sgd", storage=url, seeds=2, epochs=3, test_curve=True)
    said = json.loads(json.dumps(found(url, ["sgd"]), allow_nan=False))["methods"]["sgd"]
    assert len(said["trials"]) == 5
    assert said["source"]["setting"] == {"lr": 0.1}
    theirs = next(t for t in said["trials"] if t["params"] == said["source"]["setting"])
    assert len(theirs["losses"]) == theirs["epochs"] == 2
    assert math.fsum(theirs["losses"][-1]) / 2 == pytest.approx(theirs["value"])
    assert said["retrained"]["asked_epochs"] == 3
    assert [len(curve) for curve in said["retrained"]["test_losses"]] == [3, 3]
    assert len(said["confirmed"]) >= 1


def test_the_source_s_figures_are_those_of_the_other_record() -> None:
    from mnist_parts.source import SOURCE

    kept = json.loads((ROOT / "docs" / "benchmarks" / "mnist-lenet-h100.json").read_text())
    assert {row["method"]: row["source"] for row in kept["rows"]} == {
        method: accuracy for method, (_, accuracy) in SOURCE.items()
    }
