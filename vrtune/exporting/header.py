"""The comments that an exported program begins with: what was found, how, and with what."""

from __future__ import annotations

from vrtune.exporting.code import comment
from vrtune.exporting.record import Architecture, ExportedTrial, Provenance, RetrainResult, Search
from vrtune.own.objects import is_object
from vrtune.studies.retrained import Spread
from vrtune.studies.searches import as_text


def header(exported: ExportedTrial) -> str:
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
        f"Validation {judged.metric} {judged.value:.6g}, {where}, after {judged.epochs} epochs",
    ]
    if judged.fold_epochs:
        best = ", ".join(map(str, judged.fold_epochs))
        lines.append(f"Early stopping: folds were best after {best} of {task.epochs} epochs")
    if fresh := exported.results.confirmation:
        lines.append(
            f"With fresh starts {'diverged' if fresh.mean is None else f'{fresh.mean:.6g}'}, the "
            f"mean of {fresh.trainings} trainings, of which {fresh.failed} failed"
        )
    if again and again.failed:
        lines.append(f"Trained again, {again.failed} of {again.seeds} seeds failed")
    if again and again.epochs:
        lines.append(f"Trained again for {again.epochs} epochs, --epochs {again.epochs} here")
    lines += _tested(again) if again else []
    beside = [*origin.units.values(), *filter(is_object, (task.model, task.loss, task.metric))]
    if is_object(task.dataset):
        beside.append(task.dataset)
    if task.target is not None:
        lines.append("Reads the table by pandas: pip install pandas")
    if beside:
        lines.append(f"Beside this file or installed: {', '.join(beside)}")
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
    return [f"Net {net.model!r}, norm {net.norm}{count}", f"Inputs: {net.inputs}"]


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


def _tested(again: RetrainResult) -> list[str]:
    """What the test set said."""
    found: dict[str, Spread | None] = {"accuracy": again.test_accuracy, **again.test_metrics}
    lines = []
    for name, spread in found.items():
        if spread is not None and spread.mean is not None:
            over = "" if spread.std is None else f" +- {spread.std:.4f}"
            lines.append(f"Test {name} {spread.mean:.4f}{over}, {again.seeds} seeds")
    return lines
