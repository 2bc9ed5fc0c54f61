"""Settings of a task, a search and a trial: read and the same as JSON, or refused in a sentence."""

from __future__ import annotations

import json
from typing import Any

from fuzzing import JSON, check_sentence, fuzzed, mutated, one_sentence
from hypothesis import strategies as st
from pydantic import ValidationError
from reference.exported import CONFIGS

from vrtune import Task, TrialConfig
from vrtune.cli.options import read
from vrtune.config import Settings
from vrtune.errors import explain
from vrtune.searching.settings import SearchSettings
from vrtune.studies.record import StudyRecord
from vrtune.trial_config import ROLES

RECORD = StudyRecord(
    task=Task(), space="sgd", fingerprint="0" * 16, data_dir="data", version="0", objects={"a": "b"}
)
UNITS = [
    {"kind": kind, **{n: f.default for n, f in unit.model_fields.items() if not f.is_required()}}
    for role in ROLES
    for kind, unit in role.enrolled.items()
]
FIELD = {role: role.role.split()[-1] for role in ROLES}
CONFIG = st.sampled_from([config.model_dump(mode="json") for config in CONFIGS])


def ask(model: type[Settings], given: Any) -> None:
    """A model is the same when it is read again, or it is refused."""
    try:
        made = model.model_validate(given)
    except ValidationError as error:
        check_sentence(explain(error))
        return
    text = made.model_dump_json()
    assert model.model_validate_json(text) == made
    assert model.model_validate(json.loads(text)) == made


@fuzzed(350, {"given": {"epochs": 10**5000}}, given=mutated(Task().model_dump(mode="json")) | JSON)
def test_a_task(given: Any) -> None:
    ask(Task, given)


@fuzzed(280, given=mutated(RECORD.model_dump(mode="json")))
def test_what_a_study_remembers(given: Any) -> None:
    ask(StudyRecord, given)


@fuzzed(400, given=CONFIG.flatmap(mutated))
def test_a_trials_settings(given: Any) -> None:
    ask(TrialConfig, given)


@fuzzed(
    400,
    field=st.sampled_from(sorted(TrialConfig.model_fields)),
    unit=st.sampled_from(UNITS).flatmap(mutated),
)
def test_a_unit_in_any_role(field: str, unit: Any) -> None:
    ask(TrialConfig, {"optimizer": {"kind": "sgd", "lr": 0.1}, field: unit})


@fuzzed(
    350,
    model=st.sampled_from([Task, SearchSettings]),
    given=mutated({**Task().model_dump(), **SearchSettings().model_dump()}),
)
def test_options(model: type[Settings], given: Any) -> None:
    """As the command line reads them."""
    if isinstance(given, dict):
        own = {name: value for name, value in given.items() if name in model.model_fields}
        with one_sentence():
            read(model, own)
        with one_sentence():
            SearchSettings.read(given)
