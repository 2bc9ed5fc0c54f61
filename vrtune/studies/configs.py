"""The settings that a study's trials ran with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from pydantic import ValidationError

from vrtune.errors import UsageError, explain
from vrtune.own.files import load_file
from vrtune.studies.record import read_record
from vrtune.trial_config import ROLES, TrialConfig


def read_config(study: optuna.Study, trial: FrozenTrial) -> TrialConfig:
    """The settings a trial ran with. UsageError if they are not there, or their units are not.

    Units that are not vrtune's are those of the files of the study's search space. These are run
    where they lie, if they are the user's own: see `_load`.
    """
    kept = trial.user_attrs.get("config")
    if kept is None:
        raise UsageError(
            f"trial {trial.number} was added by hand, without the settings to train it by: "
            "choose another (vrtune show)"
        )
    if foreign_kinds(kept):
        for source in read_record(study).sources:
            _load(study, Path(source))
    try:
        return TrialConfig.model_validate(kept)
    except ValidationError as error:
        raise UsageError(
            f"trial {trial.number} has settings that this vrtune refuses ({explain(error)}): "
            "install the version that searched, or import the method it used where its search "
            "space begins"
        ) from None


def _load(study: optuna.Study, path: Path) -> None:
    """Runs a file that a study names, as its search did.

    A study is data, and may come from anyone: the path is to be that of a Python file in full,
    as a search writes it, and the file this user's own (or the system's). UsageError if not.
    """
    try:
        plain = path.suffix == ".py" and str(path) == os.path.realpath(path)
        own = path.stat().st_uid in (os.getuid(), 0) if plain and hasattr(os, "getuid") else True
    except (OSError, ValueError):  # load_file says what is wrong
        plain = own = path.suffix == ".py"
    if not plain or not own:
        what = "is another user's" if plain else "is not the full path of a Python file"
        raise UsageError(
            f"study {study.study_name!r} would run {str(path)!r} for its units, which {what}: "
            "search with a file of your own"
        )
    load_file(path)


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
