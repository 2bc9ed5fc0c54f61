"""The golden curves again, by way of a whole search: in one process, and in two."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from golden.make import CONFIGS, TASK, golden

from vrtune import search
from vrtune.storages.opening import open_storage
from vrtune.studies.record import load_study

RTOL = 1e-4  # as in test_golden.py


@pytest.mark.parametrize("options", [{"jobs": 1, "lanes": 4}, {"jobs": 2, "fuse": "on"}])
def test_a_search_meets_the_golden_curves(tmp_path: Path, options: dict[str, object]) -> None:
    names = list(CONFIGS)
    settings = [CONFIGS[name].model_dump(mode="json") for name in names]
    path = tmp_path / "golden_space.py"
    path.write_text(
        f"import json\nfrom vrtune import TrialConfig\nGRID = {{'i': {list(range(len(names)))}}}\n"
        f"KEPT = json.loads({json.dumps(json.dumps(settings))})\n"
        "def suggest(trial):\n"
        f"    return TrialConfig(**KEPT[trial.suggest_int('i', 0, {len(names) - 1})])\n"
    )
    url = f"sqlite:///{tmp_path}/studies.db"
    search(
        str(path), TASK, sampler="grid", pruner="none", study="s", storage=url, retrain=0, **options
    )  # type: ignore[arg-type]
    trials = load_study(open_storage(url), "s", url).get_trials(deepcopy=False)
    assert len(trials) == len(names)
    for trial in trials:
        wanted = golden()[names[trial.params["i"]]]["validation"]
        means = [sum(epoch) / len(epoch) for epoch in wanted]
        assert list(trial.intermediate_values.values()) == pytest.approx(means, rel=RTOL)
        assert trial.user_attrs["fold_values"] == pytest.approx(wanted[-1], rel=RTOL)
