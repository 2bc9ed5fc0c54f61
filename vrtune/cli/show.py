"""vrtune show: what a study holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from json import dumps
from typing import TYPE_CHECKING, Any

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import DEFAULT_STORAGE, Json, Storage, Study
from vrtune.cli.screen import figure, plus_minus, print_lines, print_table, settings
from vrtune.config import Settings, Task

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from vrtune.retraining import Retrained
    from vrtune.studies.choice import Confirmed
    from vrtune.studies.searches import SearchEntry

BEST = 10  # trials shown


class Shown(Settings):
    """One of the best trials."""

    number: int
    value: float
    params: dict[str, Any]
    fold_values: list[float | None]
    gradient_computations: float
    seconds: float
    confirmed: dict[str, Any] | None  # how it did on fresh starts
    edges: list[str]  # where it touches the end of a range


def show(study: Study, storage: Storage = DEFAULT_STORAGE, json: Json = False) -> None:
    """Show a study: how it was searched, its best trials, and what training them again gave."""
    with faults(storage):
        from vrtune.retraining import ATTRIBUTE, Retrained
        from vrtune.studies.choice import confirmations, ranked
        from vrtune.studies.record import count, load_study, read_record
        from vrtune.studies.searches import read_searches
        from vrtune.studies.storage import open_storage

        opened = load_study(open_storage(storage, create=False), study, storage)
        record, trials, best = (
            read_record(opened),
            opened.get_trials(deepcopy=False),
            ranked(opened),
        )
        kept, searches = opened.user_attrs, read_searches(opened)
        again_judged = {confirmed.trial: confirmed for confirmed in confirmations(opened)}
    spent = sum(trial.user_attrs.get("gradient_computations", 0.0) for trial in trials)
    confirming = sum(confirmed.gradient_computations for confirmed in again_judged.values())
    shown = [_shown(trial, again_judged.get(trial.number)) for trial in best[:BEST]]
    names = {trial.number: ATTRIBUTE.format(trial.number) for trial in best}
    again = [Retrained.model_validate(kept[name]) for name in names.values() if name in kept]
    if json:
        answer = {
            "study": study,
            "storage": public(storage),
            "space": record.space,
            "task": record.task.model_dump(mode="json"),
            "trials": count(trials).model_dump(),
            "gradient_computations": spent,
            "confirmed": len(again_judged),
            "confirm_gradient_computations": confirming,
            "searches": [s.model_dump(mode="json", exclude={"workers"}) for s in searches],
            "choice": shown[0].number if shown else None,
            "best": [trial.model_dump(mode="json") for trial in shown],
            "retrained": [result.model_dump(mode="json") for result in again],
        }
        typer.echo(dumps(answer))
        return
    print_lines(
        [
            ("study", f"{study} in {public(storage)}"),
            ("search space", record.space),
            ("task", _task(record.task)),
            *_found_by(searches),
            ("trials", str(count(trials)) if trials else "none yet"),
            (
                "gradient computations",
                f"{spent:,.0f}"
                + (f", and {confirming:,.0f} to confirm {len(again_judged)}" if confirming else ""),
            ),
            *_choice(shown),
        ]
    )
    if shown:
        typer.echo()
        print_table(*_best(shown))
    if again:
        typer.echo()
        print_retrained(again)


def print_retrained(results: list[Retrained]) -> None:
    """A line for each trial that was trained again."""
    print_table(
        ("trial", "seeds", "test accuracy", "of each seed", "test loss", "weights and curves"),
        [
            (
                r.trial,
                f"{r.seeds}, {r.failed} failed" if r.failed else r.seeds,
                plus_minus(r.test_accuracy),
                " ".join(figure(value) for value in r.test_accuracy.values),
                plus_minus(r.test_loss),
                r.folder,
            )
            for r in results
        ],
    )


def _task(task: Task) -> str:
    return ", ".join(f"{k} {v}" for k, v in task.model_dump().items() if v is not None)


def _found_by(searches: Sequence[SearchEntry]) -> Iterator[tuple[str, str]]:
    """How the study was searched; searches that went about it alike are counted."""
    from vrtune.studies.searches import as_text

    ways = Counter(
        f"sampler {s.sampler}, pruner {s.pruner}"
        + (f", start {s.start}" if s.sampler == "auto" else "")
        for s in searches
    )
    for way, times in ways.items():
        yield "searched by", f"{way}{f' ({times} searches)' if times > 1 else ''}"
    for last in searches[-1:]:
        yield "ranges", ", ".join(as_text(name, given) for name, given in last.ranges.items())
        yield "data from", last.data_dir
    for default in [search.default for search in searches if search.default][:1]:
        yield "began with", settings(default)
    for on in dict.fromkeys(
        f"vrtune {v.vrtune}, torch {v.torch}, optuna {v.optuna}, Python {v.python}, {v.device}"
        for v in (search.versions for search in searches)
    ):
        yield "trained with", on


def _shown(trial: FrozenTrial, confirmed: Confirmed | None) -> Shown:
    from vrtune.spaces import edge_notes

    assert trial.value is not None
    kept = ("fold_values", "gradient_computations", "seconds")
    return Shown(
        number=trial.number,
        value=trial.value,
        params=trial.params,
        **{name: trial.user_attrs[name] for name in kept},
        confirmed=confirmed.model_dump(mode="json") if confirmed else None,
        edges=edge_notes(trial.params, trial.distributions),
    )


def _choice(shown: list[Shown]) -> Iterator[tuple[str, str]]:
    """The trial that is trained again, and what its settings leave to be tried."""
    for best in shown[:1]:
        how = "of those that were confirmed" if best.confirmed else "by its validation loss"
        yield "choice", f"trial {best.number}, the best {how}"
        for note in best.edges:
            yield "note", note


def _best(shown: list[Shown]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the best trials; what fresh starts said of them only where they did."""
    anew = any(trial.confirmed for trial in shown)
    fresh = ["fresh starts", "failed"] if anew else []
    return (
        ["trial", "validation loss", *fresh, "gradient computations", "parameters"],
        [
            [
                *(trial.number, trial.value, *(_fresh(trial.confirmed) if anew else ())),
                *(f"{trial.gradient_computations:,.0f}", settings(trial.params)),
            ]
            for trial in shown
        ],
    )


def _fresh(confirmed: dict[str, Any] | None) -> tuple[Any, str]:
    """The mean validation loss on fresh starts, and how many trainings failed."""
    if confirmed is None:
        return None, "-"
    losses = [loss for row in confirmed["losses"] for loss in row]
    mean = "diverged" if None in losses else sum(losses) / len(losses)
    return mean, f"{confirmed['failed']} of {confirmed['trainings']}"
