"""An exported trial as a Python program that trains it and reads like one written by hand."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from vrtune.errors import UsageError
from vrtune.exporting.code import call, comment, importable, literal
from vrtune.exporting.record import Architecture, ExportedTrial, Provenance, Search, home_of
from vrtune.later import torch
from vrtune.spaces import FROM_FILE
from vrtune.studies.searches import as_text
from vrtune.units import OptimizerSettings, Unit

SEEDS = 3  # for a trial that was not trained again yet
NO_TWIN = "No optimizer for other training loops: the step size follows a schedule, {}."

PROGRAM = """
if __name__ == "__main__":
    result = train(config, task, seeds={seeds})
    print(f"test accuracy over {{result.seeds}} seeds: {{result.test_accuracy}}")
"""


def program(exported: ExportedTrial) -> str:
    """The program: provenance in comments, the setting as code, then the training."""
    config, again = exported.config, exported.results.retrain
    parts: dict[str, Unit] = {name: getattr(config, name) for name in type(config).model_fields}
    twin = _twin(config.optimizer) if config.estimator.kind == "plain" else ""
    steady = config.schedule.kind == "constant"
    aside = twin if steady or not twin else comment(NO_TWIN.format(config.schedule.kind)) + "\n"
    calls = {name: call(type(unit).__name__, _given(unit), 1) for name, unit in parts.items()}
    blocks = [
        _header(exported),
        _imports([type(unit) for unit in parts.values()], torch_too=bool(twin) and steady),
        "task = " + call("Task", _given(exported.protocol)),
        "config = TrialConfig(\n"
        + "".join(f"    {name}={text},\n" for name, text in calls.items())
        + ")",
    ]
    return (
        "\n".join([blocks[0], "", blocks[1], "", blocks[2], blocks[3], ""])
        + (f"\n\n{aside}" if aside else "")
        + "\n"
        + PROGRAM.format(seeds=again.seeds if again else SEEDS)
    )


def _given(settings: BaseModel) -> dict[str, str]:
    """A model's fields as Python; defaults too, as another version may have others."""
    fields = type(settings).model_fields
    values: dict[str, Any] = {name: getattr(settings, name) for name in fields if name != "kind"}
    return {k: literal(v) for k, v in values.items() if (v, fields[k].default) != (None, None)}


def _imports(units: list[type[Unit]], *, torch_too: bool) -> str:
    """Units of vrtune from vrtune, those of other packages from their own modules."""
    own = [unit for unit in units if not unit.__module__.startswith("vrtune.")]
    ours = {"Task", "TrialConfig", "train"} | {u.__name__ for u in units if u not in own}
    lines = ["import torch\n"] if torch_too else []
    lines += [f"from vrtune import {', '.join(sorted(ours))}"]
    lines += [f"from {home_of(unit)} import {unit.__name__}" for unit in own if not _by_path(unit)]
    if files := [unit for unit in own if _by_path(unit)]:
        lines = ["from pathlib import Path\n", *lines, "from vrtune.spaces import load_file\n"]
        lines += [
            f"{unit.__name__} = load_file(Path(__file__).with_name("
            f"{literal(Path(inspect.getfile(unit)).name)})).{unit.__name__}"
            for unit in files
        ]
    return "\n".join(lines)


def _by_path(unit: type[Unit]) -> bool:
    """Whether a unit's file has a name that no import statement takes. UsageError if the unit has
    one."""
    if not importable(unit.__name__):
        raise UsageError(
            f"no program can import {unit.__name__!r}, the class of {unit.role} "
            f"{unit.model_fields['kind'].default!r}: name it by a word, or choose another format"
        )
    if unit.__module__.startswith(FROM_FILE) and "." in Path(inspect.getfile(unit)).stem:
        return True
    return not all(map(importable, home_of(unit).split(".")))


def _twin(optimizer: OptimizerSettings) -> str:
    """The same step rule for other training loops, if torch.optim has it."""
    name = optimizer.twin()
    if name is None:
        return ""
    known = inspect.signature(getattr(torch.optim, name)).parameters
    arguments = {k: v for k, v in _given(optimizer).items() if k in known}
    made = call(f"torch.optim.{name}", {"parameters": "", **arguments}, 1)
    return (
        "def make_optimizer(parameters):\n"
        '    """The same steps for any training loop."""\n'
        f"    return {made.replace('parameters=', 'parameters', 1)}\n"
    )


def _header(exported: ExportedTrial) -> str:
    """Provenance as comments."""
    origin, again = exported.provenance, exported.results.retrain
    task, judged = exported.protocol, exported.results.cross_validation
    where = (
        f"on the {100 * task.holdout:.4g} % held out"
        if task.holdout
        else f"the mean of {task.folds} folds"
    )
    lines = [
        f"Trial {origin.trial} of study {origin.study!r}, exported {origin.created.isoformat()}",
        f"Search space {origin.space!r}, seed {origin.seed}, {origin.storage} storage",
        *_found_by(exported.search),
        f"Data {task.dataset!r}, fingerprint {origin.data_fingerprint}"
        + (f", {exported.data.find}; data_dir {exported.data.data_dir!r}" if exported.data else ""),
        *_net(exported.architecture),
        *_versions(origin),
        *([f"Commit {origin.commit}"] if origin.commit else []),
        f"Validation loss {judged.value:.6g}, {where}, after {judged.epochs} epochs",
    ]
    if fresh := exported.results.confirmation:
        lines.append(
            f"With fresh starts {'diverged' if fresh.mean is None else f'{fresh.mean:.6g}'}, the "
            f"mean of {fresh.trainings} trainings, of which {fresh.failed} failed"
        )
    if again and again.failed:
        lines.append(f"Trained again, {again.failed} of {again.seeds} seeds failed")
    if again and again.test_accuracy.mean is not None:
        accuracy = again.test_accuracy
        over = "" if accuracy.std is None else f" +- {accuracy.std:.4f}"
        lines.append(f"Test accuracy {accuracy.mean:.4f}{over}, {again.seeds} seeds")
    if origin.units:
        lines.append(f"Beside this file or installed: {', '.join(origin.units.values())}")
    return "\n".join(map(comment, lines))


def _found_by(search: Search | None) -> list[str]:
    """The search that found it, and what it cost. Names and values are the user's."""
    if search is None:
        return []
    cost = f"{search.gradient_computations:,.0f} gradient computations"
    more = f", {search.confirm_gradient_computations:,.0f} to judge {search.confirmed} again"
    ranges = ", ".join(as_text(repr(name), given) for name, given in search.ranges.items())
    start = f", start {search.start}" if search.sampler == "auto" else ""
    return [
        *([f"Sampler {search.sampler}, pruner {search.pruner}{start}"] if search.sampler else []),
        f"Trials {search.trials}: {cost}{more if search.confirmed else ''}",
        *([f"Ranges {ranges}"] if ranges else []),
        *([f"Began with {search.default!r}"] if search.default else []),
    ]


def _net(net: Architecture | None) -> list[str]:
    if net is None:
        return []
    count = "" if net.parameters is None else f", {net.parameters:,} parameters"
    return [f"Net {net.model!r}, norm {net.norm}{count}; inputs: {net.inputs}"]


def _versions(origin: Provenance) -> list[str]:
    """Those that trained, as far as they are known."""
    names = {
        name.capitalize() if name == "python" else name: getattr(origin, name)
        for name in ("vrtune", "torch", "optuna", "numpy", "python")
    }
    known = [f"{name} {number}" for name, number in names.items() if number]
    where = f" on {origin.device}" if origin.device else ""
    by = [f"Exported by vrtune {origin.exported_by}"] if origin.exported_by else []
    return [*([f"Trained with {', '.join(known)}{where}"] if known else []), *by]
