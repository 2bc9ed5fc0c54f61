"""The settings that a study's trials ran with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import ValidationError

from vrtune.errors import UsageError, explain
from vrtune.own.files import load_file
from vrtune.studies.objects import check_own
from vrtune.studies.record import read_record
from vrtune.trial_config import ROLES, TrialConfig


def read_config(study: optuna.Study, trial: FrozenTrial) -> TrialConfig:
    """The settings a trial ran with. UsageError if they are not there, or their units are not.

    Units that are not vrtune's are those of the files of the study's search space. These are run
    where they lie, if they are the user's own.
    """
    kept = trial.user_attrs.get("config")
    if kept is None:
        raise UsageError(
            f"trial {trial.number} was added by hand, without the settings to train it by: "
            "choose another (vrtune show)"
        )
    if foreign_kinds(kept):
        for source in read_record(study).sources:
            check_own(study, Path(source), "units")
            load_file(Path(source))
    try:
        return TrialConfig.model_validate(kept)
    except ValidationError as error:
        raise UsageError(
            f"trial {trial.number} has settings that this vrtune refuses ({explain(error)}): "
            "install the version that searched, or import the method it used where its search "
            "space begins"
        ) from None


def foreign_kinds(config: Any) -> set[str]:
    """The kinds in a setting, as plain data, that are not those of vrtune's own units."""
    units = config.values() if isinstance(config, dict) else ()
    kinds = [unit.get("kind") for unit in units if isinstance(unit, dict)]
    own = {
        kind
        for role in ROLES
        for kind, unit in role.enrolled.items()
        if unit.__module__.startswith("vrtune.")
    }
    return {kind for kind in kinds if isinstance(kind, str)} - own
