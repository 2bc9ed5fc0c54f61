"""The part of a program that trains: the optimizer, its batches and snapshots, the loop."""

from __future__ import annotations

from textwrap import indent
from typing import Any

from vrtune.config import Task
from vrtune.exporting.beside import mean_of
from vrtune.exporting.calls import Call, Expression
from vrtune.exporting.code import literal
from vrtune.exporting.imports import Import, Piece
from vrtune.exporting.judging import Loss
from vrtune.exporting.method import has_modes, optimizer_call
from vrtune.exporting.scheduling import factor_of
from vrtune.trial_config import TrialConfig

TORCH = Import("torch")

BATCHES = '''\
def batches(n):
    """The samples 0 .. n - 1 in random order, cut into batches."""
    parts = list(torch.randperm(n).split(BATCH_SIZE))
    if len(parts) > 1 and len(parts[-1]) == 1:  # batch norm can't take the variance of one sample
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
'''

VIEWS = '''\
def draw_views(n):
    """How far down and to the right each image is cropped, and whether it is flipped."""
    return torch.randint(9, (n,)), torch.randint(9, (n,)), torch.randint(2, (n,)).bool()


def seen(padded, views):
    """Images without their margin of 4, each in a view of its own, as RandomCrop and flips do."""
    down, right, flipped = (view[:, None].to(padded.device) for view in views)
    height, width = padded.shape[2] - 8, padded.shape[3] - 8
    rows = torch.arange(height, device=padded.device) + down
    columns = torch.arange(width, device=padded.device)
    columns = torch.where(flipped, columns.flip(0), columns) + right
    images = torch.arange(len(padded), device=padded.device)[:, None, None]
    return padded[images, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
'''

TRAIN = '''\
def train(model, x, y, epochs{kept}):
    """{does}"""
{setup}
    def gradient(batch):
        """The loss of a batch, after its gradient is computed."""
        optimizer.zero_grad()
{loss}        loss.backward()
        return loss

    for epoch in range({last}):
{begin}        total = 0.0
{steps}        print(f"epoch {{epoch + 1}}: train loss {{total / len(x):.4f}}")
'''

PRINTS = "Trains the model, and prints the mean training loss of every epoch."
RETURNS = "Trains the model, prints every epoch's mean training loss, and returns the mean weights."
SAME = """\
        if {due}:
            parts = batches(len(x)){views}
        else:  # those of the snapshot, whose gradient is their mean, in another order
            parts = [parts[i] for i in torch.randperm(len(parts))]
"""
HELD = "    parts = batches(len(x))  # the same in every epoch, as each has an entry in a table\n"
FRESH = """\
        # masks of dropout are fresh in every epoch; the study's batches kept theirs from a snapshot
        # to the next, so that its training losses are lower
"""
UNLOCKED = "  # fresh views, of which the snapshot saw others"


def training_of(config: TrialConfig, task: Task, loss: Loss, *, stops: bool = False) -> list[Piece]:
    """Functions of a program, the last of which trains: all of the schedule's epochs, or, where it
    `stops`, the first of them."""
    method = config.estimator
    factor = factor_of(config.schedule)
    closures, groups = method.kind != "plain", method.batches
    views = task.augment != "none"
    start = _start(config)
    late, counts = start != "0", method.keeps_snapshot and groups is None
    checked = counts and (late or method.period > 1 or not _named(config))
    setup = [f"    start = {start}  # epochs of plain gradients before the first snapshot\n"] * late
    mean = mean_of(config.average)
    counted = mean is not None and mean.counts
    needs_steps = bool(factor) or checked or (closures and not _named(config)) or counted
    setup += ["    steps = len(batches(len(x)))  # of an epoch\n"] * needs_steps
    setup += [HELD] * method.holds_partition
    call = _optimizer(config, late=late, checked=checked)
    setup += [f"    optimizer = {call.python(1)}\n"]
    modes = has_modes(config.optimizer)
    setup += ["    optimizer.train()\n"] * modes
    if factor:
        setup += [f"    scheduler = {factor.call}\n"]
    setup += [mean.setup] if mean else []
    text = TRAIN.format(
        kept=", kept" if stops else "",
        last="kept" if stops else "epochs",
        does=RETURNS if mean else PRINTS,
        setup="".join([loss.before, *setup]),
        loss=_loss(task, loss, views=views),
        begin=_begin(config, task, late=late, checked=checked, views=views),
        steps=_steps(config, scheduled=bool(factor), after=mean.update if mean else ""),
    )
    text += "    optimizer.eval()  # the weights that it judges by\n" * modes
    text += f"    return {mean.result}\n" if mean else ""
    needed = [TORCH, *call.imports(), *loss.imports, *(mean.imports if mean else ())]
    needed += [Import("functools", "partial")] * closures
    parts = [Piece(VIEWS, (TORCH,))] * views + [Piece(BATCHES, (TORCH,))]
    parts += [Piece(factor.text, factor.imports)] if factor else []
    given = "given.epochs, given.kept" if stops else "given.epochs"
    trained = f"{'model = ' if mean else ''}train(model, x, y, {given})"
    return [*parts, Piece(text, tuple(needed), trained)]


def _named(config: TrialConfig) -> bool:
    """Whether vrtune.optim has a class for the method, which counts in steps."""
    return optimizer_call(config, {}, {}).name != "VarianceReduced"


def _start(config: TrialConfig) -> str:
    """The epoch of the first snapshot as an expression of `epochs`."""
    method = config.estimator
    share = getattr(method, "start_share", 0.0)
    if not share:
        return str(method.start)
    shared = f"round({literal(share)} * epochs)"
    return f"max({method.start}, {shared})" if method.start else shared


def _optimizer(config: TrialConfig, *, late: bool, checked: bool) -> Call:
    period = config.estimator.period
    times: dict[str, Any] = {}
    if late:
        times["plain_steps"] = Expression("start * steps")
    if checked:
        every = "steps" if period == 1 else f"{period} * steps"
        times["snapshot_every"] = Expression(every)
    first, by = "start" if late else "0", f", {period}" * (period > 1)
    many = f"len(range({first}, epochs{by}))" if late or period > 1 else "epochs"
    many = f"max(1, {many})" if late else many  # the start may lie beyond the end
    times["snapshots"] = Expression(many)
    run = {"epochs": Expression("epochs"), "steps_per_epoch": Expression("steps")}
    return optimizer_call(config, times, run)


def _loss(task: Task, loss: Loss, *, views: bool) -> str:
    inputs = "seen(x[batch], [view[batch] for view in views])" if views else "x[batch]"
    if task.precision != "bfloat16":
        return f"        loss = {loss.text.format(outputs=f'model({inputs})', target='y[batch]')}\n"
    return (
        "        with torch.autocast(x.device.type, torch.bfloat16):\n"
        f"            outputs = model({inputs})\n"
        f"        loss = {loss.text.format(outputs='outputs.float()', target='y[batch]')}\n"
    )


def _begin(config: TrialConfig, task: Task, *, late: bool, checked: bool, views: bool) -> str:
    """What an epoch begins with: its batches, its views, a snapshot where one is due."""
    method = config.estimator
    lines = "        parts = batches(len(x))\n" * (not method.holds_partition)
    drawn = "views = draw_views(len(x))\n"
    locked = task.lock_transforms or not method.keeps_snapshot
    if method.period > 1:
        since = "epoch - start" if late else "epoch"
        due = f"({since}) % {method.period} == 0" if late else f"{since} % {method.period} == 0"
        due = f"epoch < start or {due}" if late else due
        within = f"\n            {drawn.rstrip()}" if views and locked else ""
        fresh = config.penalty.algorithm.drops and locked
        lines = FRESH * fresh + SAME.format(due=due, views=within)
    if views and not (method.period > 1 and locked):
        note = UNLOCKED if method.keeps_snapshot and not locked else ""
        lines += f"        {drawn.rstrip()}{note}\n"
    if method.keeps_snapshot and method.batches is None:
        take = "optimizer.snapshot(parts, gradient)\n"
        asked = "        if optimizer.snapshot_due:\n    " if checked else ""
        lines += f"{asked}        {take}"
    return lines


def _steps(config: TrialConfig, *, scheduled: bool, after: str) -> str:
    """The steps of an epoch."""
    closures, groups = config.estimator.kind != "plain", config.estimator.batches
    step = "total += len(batch) * gradient(batch).item()\noptimizer.step()\n"
    if closures:
        step = (
            "loss = optimizer.step(partial(gradient, batch))\ntotal += len(batch) * loss.item()\n"
        )
    if config.estimator.holds_partition:
        step = (
            "batch = parts[j]\n"
            "loss = optimizer.step(partial(gradient, batch), subset=j, samples=len(batch))\n"
            "total += len(batch) * loss.item()\n"
        )
    step += "scheduler.step()\n" * scheduled + after
    if config.estimator.holds_partition:
        loop = f"for j in torch.randperm(len(parts)).tolist():\n{indent(step, '    ')}"
        return indent(loop, " " * 8)
    loop = f"for batch in {{}}:\n{indent(step, '    ')}"
    if groups is None:
        return indent(loop.format("parts"), " " * 8)
    inner = f"group = parts[first : first + {groups}]\noptimizer.snapshot(group, gradient)\n"
    inner += loop.format("group")
    return indent(f"for first in range(0, len(parts), {groups}):\n{indent(inner, '    ')}", " " * 8)
