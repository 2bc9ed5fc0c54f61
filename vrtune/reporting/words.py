"""What studies are about, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePath

from vrtune.comparing.tuned import Tuned
from vrtune.config import Task
from vrtune.display.figures import Spread, figure, plus_minus, settings

OURS = ("no", "nothing", "among", "an", "a", "all", "it", "the", "there", "one", "folds", "seeds")
NAMED = 6  # methods that a title lists


def title(tuned: Sequence[Tuned]) -> str:
    """The methods and what they were tuned on: `sgd and svrg on digits`."""
    methods = list(dict.fromkeys(each.record.method for each in tuned))
    data = list(dict.fromkeys(PurePath(each.task.dataset).name for each in tuned))
    what = listed(methods) if len(methods) <= NAMED else f"{len(methods)} methods"
    return f"{what} on {listed(data)}"


def task_words(task: Task) -> str:
    """How a task judges, in a sentence."""
    model = PurePath(task.model).name + (f" with {task.norm} norm" if task.norm != "none" else "")
    data = PurePath(task.dataset).name + (f" ({task.target})" if task.target else "")
    some = f" ({task.limit:,} training samples)" if task.limit else ""
    judged = (
        f"{task.holdout:.0%} of the samples held out" if task.holdout else f"{task.folds} folds"
    )
    parts = [
        f"{model} on {data}{some}",
        judged,
        f"{task.epochs} epoch{'s' * (task.epochs > 1)}",
        f"batches of {task.batch_size}",
        f"seed {task.seed}",
    ]
    parts += [f"augmented by {task.augment}"] if task.augment != "none" else []
    parts += [task.precision] if task.precision != "float32" else []
    parts += [f"loss {PurePath(task.loss).name}"] if task.loss != "auto" else []
    parts += [f"label smoothing {task.label_smoothing:g}"] if task.label_smoothing else []
    parts += [_weights(task.class_weights)] if task.class_weights != "none" else []
    parts += [f"judged by {PurePath(task.metric).name}"] if task.metric != "loss" else []
    return ", ".join(parts)


def _weights(given: str | tuple[float, ...]) -> str:
    if isinstance(given, str):
        return f"{given} class weights"
    return f"class weights {' '.join(map(figure, given))}"


def tasks(tuned: Sequence[Tuned]) -> list[str]:
    """Every task of them once, in words."""
    return list(dict.fromkeys(task_words(each.task) for each in tuned))


def brief(tuned: Tuned) -> str:
    """A study in a line: where it got, and with how many trials."""
    again = tuned.again.test_score if tuned.again else None
    parts = [f"{len(tuned.trials)} trial{'s' * (len(tuned.trials) != 1)} ({tuned.counts})"]
    if tuned.choice and tuned.choice.value is not None:
        parts.append(f"{tuned.measure.value} {figure(tuned.choice.value)}")
    if again and again.mean is not None:
        mean = f"{again.mean:.4f}" if tuned.measure.score == "accuracy" else figure(again.mean)
        parts.append(f"test {tuned.measure.score} {mean}")
    return "; ".join(parts)


def chosen(tuned: Tuned) -> Iterator[tuple[str, str]]:
    """The setting that a study chose, and what is known of it."""
    choice, again = tuned.choice, tuned.again
    if choice is None:
        yield "best trial", "none is complete yet"
        return
    yield "best trial", str(choice.number)
    yield "setting", settings(choice.params)
    yield tuned.measure.value, figure(choice.value)
    if len(choice.folds) > 1:
        yield "of each fold", "  ".join(map(figure, choice.folds))
    if tuned.confirmed:
        failed = tuned.confirmed.failed
        yield (
            "on fresh starts, too",
            f"{figure(tuned.confirmed.mean)}, the mean of {tuned.confirmed.trainings} trainings; "
            f"{failed or 'none'} of them failed",
        )
    if again:
        seeds = f"{again.seeds} seed{'s' * (again.seeds > 1)}"
        if again.test_score:
            yield f"test {again.score}", f"{_spread(again.test_score)}, {seeds}"
        yield "test loss", _spread(again.test_loss)


def sentence(said: str) -> str:
    """Words with a full stop, and a large letter where they begin with a word of ours."""
    first = said.partition(" ")[0]
    said = said[:1].upper() + said[1:] if first in OURS else said
    return said if said.endswith((".", "!", "?")) else f"{said}."


def _spread(over: Spread) -> str:
    return plus_minus(over).replace("+-", "±")


def listed(names: Sequence[str]) -> str:
    """a, b and c."""
    *rest, last = names
    return f"{', '.join(rest)} and {last}" if rest else last
