"""Progress in words: what a tally says on a live display, what an event says on a line."""

from __future__ import annotations

from math import ceil

from vrtune.display.figures import figure, safe, settings
from vrtune.display.tally import ENDED, Tally
from vrtune.events import (
    Confirming,
    Event,
    Finished,
    Halved,
    Noted,
    Planned,
    Preparing,
    Retraining,
    Stepped,
)

PLACES = 3  # processes whose trials are named


def clock(seconds: float) -> str:
    """1:05, or 2:01:05."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def status(tally: Tally, now: float) -> tuple[str, list[str]]:
    """Where things are: what stands beside a bar, and the lines below it."""
    below = [outcome(tally), *places(tally)]
    times = [f"{clock(tally.elapsed(now))} elapsed"]
    left = tally.left(now)
    if left is not None:
        of = " of the search" if tally.searching else ""  # what comes after it is not known yet
        times.append(f"about {clock(ceil(left))} left{of}")
    if tally.searching or tally.share() is None:
        times.insert(0, doing(tally))
    else:
        below.insert(0, doing(tally))
    return ", ".join(times), [text for text in below if text]


def doing(tally: Tally) -> str:
    """What is done."""
    if tally.again is None and tally.judged is not None:
        return _judging(tally.judged)
    if not tally.searching:
        return safe(tally.doing)
    if tally.plan.trials is not None:
        return f"{tally.ended} of {tally.plan.trials} trials"
    share = tally.share()
    spent = "" if share is None else f", {share:.0%} of the budget"
    return f"{tally.ended} trial{'s' * (tally.ended != 1)}{spent}"


def outcome(tally: Tally) -> str:
    """How trials ended so far; empty while none has."""
    parts = [f"{tally.counts[state]} {state}" for state in ENDED if tally.counts.get(state)]
    if tally.best:
        parts.append(f"best {figure(tally.best[0])} (trial {tally.best[1]})")
    return ", ".join(parts)


def places(tally: Tally) -> list[str]:
    """Where the trainings are, as far as that is known."""
    at = [(worker.at, worker.running) for worker in tally.workers.values() if worker.at]
    if tally.searching:
        at.sort(key=lambda pair: pair[0].trial)
        named = [_trial(tally, *pair) for pair in at[:PLACES]]
        others = len(at) - PLACES
        return [*named, f"and {others} more"] if others > 0 else named
    current = tally.again or tally.judged
    if at and (current is None or at[0][0].epoch > current.epoch):
        return [_place(tally, at[0][0])]
    return [f"epoch {current.epoch}{_of(tally.epochs)}"] if current and current.epoch else []


def line(event: Event) -> str:
    """An event on a line of its own; empty for those that come often."""
    match event:
        case Preparing():
            return safe(event.text)
        case Planned() | Noted() | Halved():
            return note(event)
        case Finished(state="failed"):
            return note(event) or f"trial {event.number:<4} failed"
        case Finished() if event.state in ENDED:
            return (
                f"trial {event.number:<4} {event.state:<9} {figure(event.value):<8} "
                f"epoch {event.epoch:<4} {settings(event.params)}  {event.seconds:.1f} s"
            )
        case Finished():
            return f"trial {event.number:<4} {safe(event.state)}"
        case Confirming():
            return _judging(event)
        case Retraining():
            return safe(event.doing)
    return ""


def note(event: Event) -> str:
    """What is said once, whatever else is shown; empty for most events."""
    match event:
        case Planned() | Noted():
            return safe(event.text)
        case Halved():
            lanes = f"{event.lanes} training{'s' * (event.lanes > 1)}"
            return f"out of memory: going on with {lanes} at once"
        case Finished(state="failed") if event.reason:
            return f"trial {event.number:<4} failed: {safe(event.reason)}"
    return ""


def _judging(event: Confirming) -> str:
    times = f" ({event.time} of {event.times})" if event.time and event.times else ""
    return f"judging trial {event.trial} again on fresh starts{times}"


def _trial(tally: Tally, at: Stepped, running: int) -> str:
    beside = f" and {running - 1} more" if running > 1 else ""
    return f"trial {at.trial}{beside}: {_place(tally, at)}"


def _place(tally: Tally, at: Stepped) -> str:
    return f"epoch {at.epoch}{_of(tally.epochs)}, step {at.step:,} of {at.steps:,}"


def _of(epochs: int) -> str:
    return f" of {epochs}" if epochs else ""
