"""What the Optuna dashboard says of a study beside its curves: what was found, and how to go on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import optuna

from vrtune.config import Task
from vrtune.display.commands import on_study
from vrtune.display.figures import figure, safe
from vrtune.display.measures import Measure
from vrtune.errors import UsageError
from vrtune.storages.locks import locked
from vrtune.storages.quiet import quiet
from vrtune.storages.urls import DEFAULT_URL, storage_options
from vrtune.studies.choice import Candidate, candidates, ranked
from vrtune.studies.counts import count
from vrtune.studies.outcome import fold_values, spent
from vrtune.studies.record import read_record
from vrtune.studies.retrained import Retrained, Spread, retrained, spread
from vrtune.studies.searches import read_searches

# the dashboard's own attributes of a study: it would take a second to import it for them
VERSION, PART, LONGEST = "dashboard:note_ver", "dashboard:note_str:", 2045
MARKS = "vrtune:note"  # of the notes that vrtune wrote last: any other one is somebody's own
HOW_TO_READ = (
    "How to read the curves: each is a trial, by the mean of its folds' {} after each "
    "epoch. {} is better. A pruned trial's ends early. Where the search kept them, the page of "
    "a trial has files with the curve of each fold and with all its settings."
)
RENEWED = "*vrtune writes this note anew after each search, until somebody changes it.*"


def note(study: optuna.Study, storage: str = DEFAULT_URL) -> str:
    """What a study found, at what cost, and how to go on, in Markdown.

    Args:
        study: one that vrtune made.
        storage: the URL of its storage, for the commands; a password is not shown.
    Raises:
        UsageError: vrtune did not make the study.
    Example:
        >>> from vrtune.storages.opening import open_to_read
        >>> from vrtune.studies.note import note
        >>> from vrtune.studies.record import load_study
        >>> url = "sqlite:///studies.db"  # the study is that of search's example
        >>> print(note(load_study(open_to_read(url), "sgd-digits-softmax", url)))
        **validation loss ...
    """
    record = read_record(study)
    task, space, measure = record.task, record.space, record.measure
    trials, best = study.get_trials(deepcopy=False), ranked(study)
    known = {candidate.number: candidate for candidate in candidates(study)}
    again = [found for trial in best if (found := retrained(study, trial.number))]
    chosen = known[best[0].number] if best else None
    value = (
        f"{_text(measure.value)} {figure(best[0].value)}" if best else "no trial is complete yet"
    )
    paragraphs = [
        f"**{value}** ({count(trials)})",
        _described(space, task),
        *(["\n".join(_chosen(chosen, measure))] if chosen else []),
        *("\n".join(_again(each)) for each in again),
        _cost(study, [candidate for candidate in known.values() if candidate.confirmed], again),
        HOW_TO_READ.format(
            _text(measure.value), "Lower" if measure.direction == "minimize" else "Higher"
        ),
        _commands(study.study_name, storage),
        RENEWED,
    ]
    return "\n\n".join(paragraphs) + "\n"


def is_ours(study: optuna.Study) -> bool:
    """Whether a study has no note, or one that vrtune wrote: any other one is somebody's own, or
    can't be read, and stays."""
    attrs = study._storage.get_study_system_attrs(study._study_id)
    try:
        before, _ = _read(attrs)
        return not before or _mark(before) in list(attrs.get(MARKS, []))
    except (KeyError, OverflowError, TypeError, ValueError):  # others' attributes, or damaged ones
        return False


@quiet()
def write_note(study: optuna.Study, storage: str = DEFAULT_URL) -> bool:
    """Gives a study its note for the dashboard, in place of an earlier one of vrtune's own; whether
    it did. What somebody wrote or changed stays, and so does what can't be read."""
    with locked(study, "to write a study's note"):
        attrs = study._storage.get_study_system_attrs(study._study_id)
        try:
            before, version = _read(attrs)
            marks = list(attrs.get(MARKS, []))
            now = note(study, storage)
        except (UsageError, KeyError, OverflowError, TypeError, ValueError):  # as above
            return False
        if before and _mark(before) not in marks:
            return False
        if before != now:
            _keep(study, MARKS, [_mark(before), _mark(now)])  # whichever a crash leaves
            _keep(study, VERSION, version + 1)
            parts = [now[at : at + LONGEST] for at in range(0, len(now), LONGEST)]
            old = [name for name in attrs if name.startswith(PART)]
            for i in range(max(len(parts), len(old))):
                _keep(study, f"{PART}{i}", parts[i] if i < len(parts) else "")
    return True


def _read(attrs: Mapping[str, Any]) -> tuple[str, int]:
    """The note that a study has, as the dashboard keeps it, and its version."""
    parts = [name for name in attrs if name.startswith(PART)]
    return "".join(attrs[f"{PART}{i}"] for i in range(len(parts))), int(attrs.get(VERSION, 0))


def _keep(study: optuna.Study, name: str, value: Any) -> None:
    study._storage.set_study_system_attr(study._study_id, name, value)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


# ---- what it says ------------------------------------------------------------------------------


def _described(space: str, task: Task) -> str:
    """The task in words; what is as usual is not told."""
    judged = f"{task.folds} folds"
    if task.holdout:
        judged = f"a held-out part ({figure(task.holdout)} of the data)"
    usual = Task()
    told = {
        f"{task.limit} training samples": task.limit,
        f"{_text(task.norm)} normalisation": task.norm != usual.norm,
        f"init {_text(task.init)}": task.init != usual.init,
        f"augmentation {_text(task.augment)}": task.augment != usual.augment,
        f"precision {_text(task.precision)}": task.precision != usual.precision,
        f"seed {task.seed}": task.seed != usual.seed,
    }
    more = "".join(f", {words}" for words, unusual in told.items() if unusual)
    return (
        f"The search space **{_text(space)}** on **{_text(Path(task.dataset).name)}** with the "
        f"model **{_text(task.model)}**: trials train for {task.epochs} epochs in batches of "
        f"{task.batch_size} and are judged on {judged}{more}."
    )


def _chosen(chosen: Candidate, measure: Measure) -> Iterator[str]:
    """The trial that a study chose, and how it did."""
    params = chosen.trial.params.items()
    settings = ", ".join(map(_setting, params)) or "a setting without parameters"
    yield f"**Trial {chosen.number}** is chosen: {settings}"
    yield ""
    folds = fold_values(chosen.trial) or []
    if len(folds) > 1:
        yield f"- {_text(measure.value)} {_spread(_over(folds))} over {len(folds)} folds"
    if chosen.confirmed:
        fresh = sum(map(len, chosen.confirmed.judged))
        failed = f"{chosen.failed} failed" if chosen.failed else "none failed"
        yield (
            f"- {_spread(spread(chosen.values))} over all {len(chosen.values)} trainings, {fresh} "
            f"of them on fresh starts; {failed}"
        )


def _again(again: Retrained) -> Iterator[str]:
    """What came of training a trial again."""
    yield f"Trial {again.trial}, trained again on the whole training set:"
    yield ""
    score = _text(again.score)
    said = {
        f"test {score}": again.test_score,
        "test loss": again.test_loss,
        f"train {score}": again.train_score,
    }
    for what, found in said.items():
        if found:
            each = ", ".join(map(figure, found.values))
            yield f"- {what} {_spread(found)}" + f" (of each seed: {each})" * (again.seeds > 1)
    if again.failed:
        yield f"- **{again.failed} of {again.seeds} seeds diverged or learned little**"


def _cost(study: optuna.Study, confirmed: list[Candidate], again: list[Retrained]) -> str:
    """What the search took."""
    total = spent(study.get_trials(deepcopy=False))
    confirming = sum(c.confirmed.gradient_computations for c in confirmed if c.confirmed)
    training = sum(each.gradient_computations for each in again)
    parts = [f"{total:,.0f} gradient computations"]
    parts += [f"{confirming:,.0f} to confirm"] if confirming else []
    parts += [f"{training:,.0f} to train again"] if training else []
    ended = [s.seconds for s in read_searches(study) if s.seconds is not None]
    return f"The search cost {', '.join(parts)}" + f"; {sum(ended):,.0f} s" * bool(ended) + "."


def _commands(name: str, storage: str) -> str:
    """How to go on, to be copied."""
    where = storage_options(storage)
    lines = [on_study(verb, name, *where) for verb in ("report", "export", "retrain")]
    longest = max(map(len, re.findall("`+", "".join(lines))), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"{fence}sh", *lines, fence])


def _setting(given: tuple[str, Any]) -> str:
    name, value = given
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return f"{_text(name)} = {figure(value) if number else _text(value)}"


def _text(text: object) -> str:
    """A name of somebody's as Markdown: it is no link, no HTML, and one line."""
    return re.sub(r"([!-,./:-@\[-`{-~])", r"\\\1", safe(text))


def _over(values: Sequence[float | None]) -> Spread:
    return spread([float("nan") if value is None else value for value in values])


def _spread(found: Spread) -> str:
    if found.mean is None or found.std is None:
        return "(diverged in some)"
    return figure(found.mean) + f" +- {found.std:.2g}" * (len(found.values) > 1)
