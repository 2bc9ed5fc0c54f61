"""vrtune show: what a study holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import typer

from vrtune.cli.faults import faults, public
from vrtune.cli.options import DEFAULT_STORAGE, Json, Storage, Study
from vrtune.cli.screen import (
    figure,
    plus_minus,
    print_json,
    print_lines,
    print_table,
    safe,
    settings,
)
from vrtune.config import Settings, Task
from vrtune.display.measures import Measure
from vrtune.display.results import failed_seeds
from vrtune.errors import UsageError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from vrtune.studies.choice import Confirmed
    from vrtune.studies.retrained import Retrained, Spread
    from vrtune.studies.searches import SearchEntry

BEST = 10  # trials shown
SELDOM = ("loss", "label_smoothing", "class_weights", "metric")  # settings of a task


class Shown(Settings):
    """One of the best trials; None where a trial does not say, as one that was added by hand."""

    number: int
    value: float | None
    params: dict[str, Any]
    fold_values: list[float | None] | None
    kept_epochs: int | None = None  # by early stopping
    gradient_computations: float | None
    seconds: float | None
    confirmed: dict[str, Any] | None  # how it did on fresh starts
    edges: list[str]  # where it touches the end of a range


def show(study: Study, storage: Storage = DEFAULT_STORAGE, json: Json = False) -> None:
    """Show a study: how it was searched, its best trials, and what training them again gave."""
    with faults(storage):
        from vrtune.storages.opening import open_to_read
        from vrtune.studies.choice import confirmations, ranked
        from vrtune.studies.counts import count, interrupted
        from vrtune.studies.glance import state
        from vrtune.studies.outcome import is_foreign, spent
        from vrtune.studies.record import load_study, read_record
        from vrtune.studies.retrained import retrained
        from vrtune.studies.searches import read_searches

        opened = load_study(open_to_read(storage), study, storage)
        try:
            record = read_record(opened)
        except UsageError:
            raise UsageError(
                f"study {study!r} was not made by this vrtune: vrtune list studies says what can "
                "be said of it, and vrtune dashboard shows it"
            ) from None
        trials, best = opened.get_trials(deepcopy=False), ranked(opened)
        searches = read_searches(opened)
        again_judged = {confirmed.trial: confirmed for confirmed in confirmations(opened)}
        again = [found for trial in best if (found := retrained(opened, trial.number))]
    confirming = sum(confirmed.gradient_computations for confirmed in again_judged.values())
    shown = [_shown(trial, again_judged.get(trial.number)) for trial in best[:BEST]]
    lost = interrupted(trials)
    foreign = sum(is_foreign(t) for t in trials if t.state.name == "COMPLETE")
    if json:
        print_json(
            {
                "study": study,
                "storage": public(storage),
                "space": record.space,
                "task": record.task.model_dump(mode="json"),
                "metric": record.metric,
                "direction": record.direction,
                "trials": count(trials).model_dump(),
                "state": state(trials),
                "foreign": foreign,
                "gradient_computations": spent(trials),
                "interrupted": lost.model_dump(),
                "confirmed": len(again_judged),
                "confirm_gradient_computations": confirming,
                "searches": [s.model_dump(mode="json", exclude={"workers"}) for s in searches],
                "choice": shown[0].number if shown else None,
                "best": [trial.model_dump(mode="json") for trial in shown],
                "retrained": [result.model_dump(mode="json") for result in again],
            }
        )
        return
    judged = f", and {confirming:,.0f} to confirm {len(again_judged)}" if confirming else ""
    print_lines(
        [
            ("study", f"{study} in {public(storage)}"),
            ("search space", record.space),
            ("task", _task(record.task)),
            *_found_by(searches),
            ("trials", (state(trials) if trials else "none yet") + _apart(foreign)),
            ("gradient computations", f"{spent(trials):,.0f}{judged}"),
            *([("interrupted", str(lost))] if lost.trials else []),
            *_choice(shown, record.measure),
        ]
    )
    if shown:
        typer.echo()
        print_table(*_best(shown, record.measure), spare=1)
    if again:
        typer.echo()
        print_retrained(again)


def print_retrained(results: Sequence[Retrained]) -> None:
    """A line for each trial that was trained again."""
    score = results[0].score if results else "accuracy"
    trained = [f"train {score}"] if any(r.train_score for r in results) else []
    asked = ["epochs"] if any(r.asked_epochs for r in results) else []
    print_table(
        [
            *("trial", "seeds", *asked, f"test {score}", *trained),
            *("test loss", "of each seed", "weights and curves"),
        ],
        [
            (
                r.trial,
                f"{r.seeds}, {r.failed} failed" if r.failed else r.seeds,
                *(len(r.train_losses[0]) for _ in asked),
                _spread(r.test_score),
                *(_spread(r.train_score) for _ in trained),
                plus_minus(r.test_loss),
                " ".join(figure(value) for value in (r.test_score or r.test_loss).values),
                r.folder,
            )
            for r in results
        ],
        spare=2,
    )
    for result in (r for r in results if r.failed):
        print_lines([(f"trial {result.trial}", failed_seeds(result.failed, result.seeds))])


def _spread(given: Spread | None) -> str | None:
    return plus_minus(given) if given else None


def _apart(foreign: int) -> str:
    """What is said of complete trials of others."""
    if not foreign:
        return ""
    were = "was not run by vrtune and is no candidate"
    if foreign > 1:
        were = "were not run by vrtune and are no candidates"
    return f"; {foreign} of them {were}"


def _task(task: Task) -> str:
    """All of it, but for what is seldom given and was not."""
    given, usual = task.model_dump(), Task().model_dump()
    told = {k: v for k, v in given.items() if v is not None and (k not in SELDOM or v != usual[k])}
    return ", ".join(
        f"{k} {' '.join(map(figure, v)) if isinstance(v, tuple) else safe(v)}"
        for k, v in told.items()
    )


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
    from vrtune.studies.outcome import fold_values, kept_epochs, number, value

    return Shown(
        number=trial.number,
        value=value(trial),
        params=trial.params,
        fold_values=fold_values(trial),
        kept_epochs=kept_epochs(trial),
        gradient_computations=number(trial, "gradient_computations"),
        seconds=number(trial, "seconds"),
        confirmed=confirmed.model_dump(mode="json") if confirmed else None,
        edges=edge_notes(trial.params, trial.distributions),
    )


def _choice(shown: list[Shown], measure: Measure) -> Iterator[tuple[str, str]]:
    """The trial that is trained again, and what its settings leave to be tried."""
    for best in shown[:1]:
        how = "of those that were confirmed" if best.confirmed else f"by its {measure.value}"
        yield "choice", f"trial {best.number}, the best {how}"
        for note in best.edges:
            yield "note", note


def _best(shown: list[Shown], measure: Measure) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of the best trials, in the order of the mean over all their trainings."""
    anew = any(trial.confirmed for trial in shown)
    fresh = ["over all starts", "failed"] if anew else []
    early = ["epochs kept"] if any(trial.kept_epochs for trial in shown) else []
    return (
        ["trial", measure.value, *fresh, *early, "gradient computations", "parameters"],
        [
            [
                *(trial.number, trial.value, *(_over_all(trial) if anew else ())),
                *(trial.kept_epochs for _ in early),
                None if (cost := trial.gradient_computations) is None else f"{cost:,.0f}",
                settings(trial.params),
            ]
            for trial in shown
        ],
    )


def _over_all(trial: Shown) -> tuple[Any, str]:
    """The mean value of a trial over all its trainings, and how many of them failed."""
    if (kept := trial.confirmed) is None:
        return trial.value, "-"
    mean = "diverged" if kept["mean"] is None else kept["mean"]
    return mean, f"{kept['failed']} of {kept['trainings']}"
