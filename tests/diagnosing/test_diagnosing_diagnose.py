"""A trial's diagnosis: when it measures, and what it keeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vrtune import SCSG, SGD, SVRG, Plain, Task, TrialConfig, search
from vrtune.diagnosing.diagnose import diagnose, diagnose_config
from vrtune.errors import UsageError, VrtuneError
from vrtune.storages.opening import open_storage
from vrtune.studies.diagnosed import ATTRIBUTE, Diagnosis
from vrtune.studies.record import load_study
from vrtune.units import EstimatorSettings

TASK = Task(model="softmax", folds=2, epochs=4, limit=160, batch_size=16)  # 10 batches an epoch


def readings(
    estimator: EstimatorSettings, intervals: int = 10, shares: tuple[float, ...] = (0.1, 0.5, 1.0)
) -> Diagnosis:
    config = TrialConfig(estimator=estimator, optimizer=SGD(lr=0.05))
    return diagnose_config(config, TASK, intervals=intervals, shares=shares)


@pytest.mark.parametrize(
    ("estimator", "intervals", "epochs"),
    [
        (SVRG(snapshot_period=1), 10, [0.1, 0.5, 1, 1.1, 1.5, 2, 2.1, 2.5, 3, 3.1, 3.5, 4]),
        (SVRG(snapshot_period=2), 10, [0.2, 1, 2, 2.2, 3, 4]),
        (SVRG(snapshot_period=1), 2, [0.1, 0.5, 1, 2.1, 2.5, 3]),
        (SVRG(snapshot_period=1, start_epoch=2), 10, [2.1, 2.5, 3, 3.1, 3.5, 4]),
        (Plain(), 1, [0.1, 0.5, 1]),
        (SCSG(mega_batch=10), 1, [0.1, 0.5, 1]),
    ],
    ids=["svrg", "period 2", "every other", "late", "plain", "scsg"],
)
def test_when_it_measures(
    estimator: EstimatorSettings, intervals: int, epochs: list[float]
) -> None:
    found = readings(estimator, intervals)
    assert [r.epoch for r in found.readings] == pytest.approx(epochs)
    assert [r.share for r in found.readings] == [0.1, 0.5, 1.0] * (len(epochs) // 3)


def test_the_ratio_of_svrg_grows_with_the_distance() -> None:
    for r1, r2, r3 in zip(*[iter(readings(SVRG(snapshot_period=1)).readings)] * 3, strict=True):
        assert r1.ratio is not None
        assert r2.ratio is not None
        assert r3.ratio is not None
        assert 0 < r1.ratio < r2.ratio < r3.ratio < 1
        assert r1.distance < r2.distance < r3.distance


def test_a_diagnosis_stays_with_its_study(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    search("svrg", TASK, trials=2, pruner="none", study="s", storage=url, jobs=1, retrain=0)
    found = diagnose("s", 0, storage=url, epochs=2, intervals=1)
    kept = load_study(open_storage(url, create=False), "s", url).user_attrs
    assert Diagnosis.model_validate(kept[ATTRIBUTE.format(0)]) == found
    assert len(found.train_losses) == 2
    assert found.gradient_quotient is not None
    assert ATTRIBUTE.format(1) not in kept


def test_the_best_trial_unless_one_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/studies.db"
    given = {"storage": url, "jobs": 1, "retrain": 0}
    best = search("svrg", TASK, trials=3, pruner="none", study="s", **given).best
    assert best is not None
    assert diagnose("s", storage=url, epochs=1, intervals=1).trial == best.number
    search("svrg", TASK, timeout=1e-9, study="empty", **given)
    with pytest.raises(UsageError, match="no complete trial"):
        diagnose("empty", storage=url)


def test_other_data_under_the_same_name_is_refused(tmp_path: Path) -> None:
    url, rng = f"sqlite:///{tmp_path}/studies.db", np.random.default_rng(0)
    for part in ("searched", "other"):
        (tmp_path / part).mkdir()
        x, y = rng.integers(0, 256, (80, 4, 4), dtype=np.uint8), np.arange(80) % 2
        np.savez(tmp_path / part / "made.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    data = tmp_path / "searched" / "made.npz"
    task = Task(dataset=str(data), model="softmax", folds=2, epochs=1, batch_size=16)
    search("sgd", task, trials=1, study="s", storage=url, jobs=1, retrain=0)
    (tmp_path / "other" / "made.npz").replace(data)
    with pytest.raises(VrtuneError, match="not the data that study 's' searched on"):
        diagnose("s", storage=url)


@pytest.mark.parametrize("shares", [(), (0.0,), (1.5,)])
def test_shares_out_of_range_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(UsageError, match="shares must lie"):
        readings(Plain(), shares=shares)


@pytest.mark.parametrize("epochs", [0, -1])
def test_a_run_of_no_epochs_is_refused(epochs: int) -> None:
    with pytest.raises(UsageError, match="epochs must be"):
        diagnose("s", 0, epochs=epochs)
